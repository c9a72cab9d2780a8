package filter

type NknFilter struct{}

package geo

type IPFilter struct{}

//go:build !unix

package main

// usage is unknown here.
func usage() fields {
	return fields{}
}

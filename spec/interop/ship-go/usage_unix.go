//go:build unix

package main

import "syscall"

// usage is the processor time spent so far, and the most memory the process ever held (kibibytes on Linux).
func usage() fields {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return fields{}
	}
	ms := func(t syscall.Timeval) float64 { return float64(t.Nano()) / 1e6 }
	return fields{"userMs": ms(used.Utime), "systemMs": ms(used.Stime), "maxResidentKiB": int64(used.Maxrss)}
}

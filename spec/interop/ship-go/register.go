package main

import "github.com/enbility/ship-go/hub"

// register trusts a peer. ship-go of July 2025 takes the peer's SHIP ID too, empty for unknown; v0.6.0 does not.
func register(hub *hub.Hub, ski string) {
	switch each := any(hub).(type) {
	case interface{ RegisterRemoteSKI(ski string) }:
		each.RegisterRemoteSKI(ski)
	case interface{ RegisterRemoteSKI(ski, shipID string) }:
		each.RegisterRemoteSKI(ski, "")
	}
}

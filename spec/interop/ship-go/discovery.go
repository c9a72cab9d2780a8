package main

import (
	"fmt"
	"net"
	"sync"

	"github.com/enbility/ship-go/api"
)

// entry is what multicast DNS would have found out about a peer.
type entry struct {
	Name      string   `json:"name"`
	SKI       string   `json:"ski"`
	ShipID    string   `json:"shipId"`
	Path      string   `json:"path"`
	Register  bool     `json:"register"`
	Brand     string   `json:"brand"`
	Type      string   `json:"type"`
	Model     string   `json:"model"`
	Host      string   `json:"host"`
	Port      int      `json:"port"`
	Addresses []string `json:"addresses"`
}

// discovery stands where multicast DNS would: it sees what it is told to see. As ship-go's own it reports all entries
// again whenever the hub asks, each time as copies, on a goroutine of its own.
type discovery struct {
	say *speaker

	mutex   sync.Mutex
	report  api.MdnsReportInterface
	entries []api.MdnsEntry
}

func newDiscovery(say *speaker) *discovery {
	return &discovery{say: say}
}

var _ api.MdnsInterface = (*discovery)(nil)

func (d *discovery) Start(report api.MdnsReportInterface) error {
	d.mutex.Lock()
	d.report = report
	d.mutex.Unlock()
	d.say.event("discovery", fields{"call": "start"})
	return nil
}

// Shutdown changes nothing, as in ship-go's own: what was seen is still reported to a hub that asks.
func (d *discovery) Shutdown() {
	d.say.event("discovery", fields{"call": "shutdown"})
}

// QRCodeText is asked for by ship-go of July 2025.
func (d *discovery) QRCodeText() string { return "" }

func (d *discovery) AnnounceMdnsEntry() error {
	d.say.event("discovery", fields{"call": "announce"})
	return nil
}

func (d *discovery) UnannounceMdnsEntry() {
	d.say.event("discovery", fields{"call": "unannounce"})
}

func (d *discovery) SetAutoAccept(on bool) {
	d.say.event("discovery", fields{"call": "autoAccept", "on": on})
}

func (d *discovery) RequestMdnsEntries() {
	d.say.event("discovery", fields{"call": "request"})
	d.tell(false)
}

// replace makes these the visible entries, and tells the hub.
func (d *discovery) replace(entries []entry) error {
	seen := make([]api.MdnsEntry, 0, len(entries))
	for _, each := range entries {
		addresses := make([]net.IP, 0, len(each.Addresses))
		for _, text := range each.Addresses {
			address := net.ParseIP(text)
			if address == nil {
				return fmt.Errorf("%q is no IP address", text)
			}
			addresses = append(addresses, address)
		}
		seen = append(seen, api.MdnsEntry{
			Name: each.Name, Ski: each.SKI, Identifier: each.ShipID, Path: each.Path, Register: each.Register,
			Brand: each.Brand, Type: each.Type, Model: each.Model, Host: each.Host, Port: each.Port, Addresses: addresses,
		})
	}
	d.mutex.Lock()
	d.entries = seen
	d.mutex.Unlock()
	d.tell(true)
	return nil
}

func (d *discovery) tell(fresh bool) {
	d.mutex.Lock()
	report := d.report
	entries := make(map[string]*api.MdnsEntry, len(d.entries))
	for _, each := range d.entries {
		copied := each
		copied.Addresses = append([]net.IP(nil), each.Addresses...)
		entries[copied.Ski] = &copied
	}
	d.mutex.Unlock()
	if report != nil {
		go report.ReportMdnsEntries(entries, fresh)
	}
}

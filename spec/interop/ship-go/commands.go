package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/enbility/ship-go/api"
	"github.com/enbility/ship-go/hub"
	"github.com/enbility/ship-go/logging"
)

// command has the arguments of all commands; each uses its own.
type command struct {
	ID int    `json:"id"`
	Do string `json:"do"`

	// start
	Port         int               `json:"port"`
	ShipID       string            `json:"shipId"`
	CommonName   string            `json:"commonName"`
	Certificate  string            `json:"certificate"`
	Key          string            `json:"key"`
	AutoAccept   bool              `json:"autoAccept"`
	AllowWaiting bool              `json:"allowWaiting"`
	Trusted      []string          `json:"trusted"`
	ShipIDs      map[string]string `json:"shipIds"`
	Log          bool              `json:"log"`

	// most others
	SKI string `json:"ski"`
	On  bool   `json:"on"`

	Entries []entry `json:"entries"`
	Payload string  `json:"payload"`
	Bytes   int     `json:"bytes"`
	Count   int     `json:"count"`
	Reason  string  `json:"reason"`
	Code    int     `json:"code"`
	Safe    bool    `json:"safe"`
}

// node is one hub with all that it needs around it. After `shutdown` the same process may `start` another.
type node struct {
	say       *speaker
	hub       *hub.Hub
	reader    *reader
	discovery *discovery
	sends     chan sending // Waits at 256; the reading of commands then waits too.
}

type sending struct {
	command command
	reader  *reader
}

func newNode(say *speaker) *node {
	return &node{say: say, sends: make(chan sending, 256)}
}

// sendAll carries out sends one after the other, and answers each when ship-go has taken the message.
func (n *node) sendAll() {
	for each := range n.sends {
		if each.reader == nil {
			n.say.answer(each.command.ID, nil, errNotStarted)
			continue
		}
		result, err := each.reader.send(each.command)
		n.say.answer(each.command.ID, result, err)
	}
}

var errNotStarted = errors.New("not started")

func (n *node) obey(c command) (fields, error) {
	switch c.Do {
	case "start":
		return n.start(c)
	case "counters":
		return n.counters(c.On), nil
	}
	if n.hub == nil {
		return nil, errNotStarted
	}
	switch c.Do {
	case "entries":
		return nil, n.discovery.replace(c.Entries)
	case "register":
		register(n.hub, c.SKI)
	case "unregister":
		n.hub.UnregisterRemoteSKI(c.SKI)
	case "cancel":
		n.hub.CancelPairingWithSKI(c.SKI)
	case "disconnect":
		n.hub.DisconnectSKI(c.SKI, c.Reason)
	case "autoAccept":
		n.hub.SetAutoAccept(c.On)
	case "allowWaiting":
		n.reader.setAllowWaiting(c.On)
	case "echo":
		n.reader.setEcho(c.On)
	case "shipId":
		n.hub.ServiceForSKI(c.SKI).SetShipID(c.ShipID)
	case "state":
		return n.state(c.SKI), nil
	case "close":
		return nil, n.reader.close(c)
	case "shutdown":
		n.hub.Shutdown()
	default:
		return nil, fmt.Errorf("unknown command %q", c.Do)
	}
	return nil, nil
}

func (n *node) start(c command) (fields, error) {
	who, err := identityFor(c)
	if err != nil {
		return nil, err
	}
	port := c.Port
	if port == 0 {
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	if c.Log {
		logging.SetLogging(&logger{say: n.say})
	}
	local := api.NewServiceDetails(who.ski)
	local.SetShipID(c.ShipID)
	local.SetDeviceType("EnergyManagementSystem")
	n.reader = newReader(n.say, c.AllowWaiting)
	n.discovery = newDiscovery(n.say)
	n.hub = hub.NewHub(n.reader, n.discovery, port, who.certificate, local)
	if c.AutoAccept {
		n.hub.SetAutoAccept(true)
	}
	for ski, id := range c.ShipIDs {
		n.hub.ServiceForSKI(ski).SetShipID(id)
	}
	for _, ski := range c.Trusted {
		register(n.hub, ski)
	}
	n.hub.Start()
	// Start returns before the port is open, and doesn't say whether it ever will be.
	if err := awaitPort(port, who, 5*time.Second); err != nil {
		return nil, err
	}
	return fields{
		"ski": who.ski, "port": port, "shipId": c.ShipID,
		"certificate": who.certificatePEM, "key": who.keyPEM, "version": version(),
	}, nil
}

func (n *node) state(ski string) fields {
	detail := n.hub.PairingDetailForSki(ski)
	service := n.hub.ServiceForSKI(ski)
	answer := fields{"state": detail.State(), "trusted": service.Trusted(), "knownShipId": service.ShipID()}
	if err := detail.Error(); err != nil {
		answer["cause"] = err.Error()
	}
	return answer
}

// counters tell what the process costs. With `collect` garbage goes first, so that two readings can be compared.
func (n *node) counters(collect bool) fields {
	if collect {
		runtime.GC()
		debug.FreeOSMemory()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	answer := fields{
		"goroutines": runtime.NumGoroutine(), "heapBytes": memory.HeapAlloc, "systemBytes": memory.Sys,
		"allocatedBytes": memory.TotalAlloc, "receivedMessages": 0, "receivedBytes": 0,
	}
	if n.reader != nil {
		n.reader.count(answer)
	}
	for key, value := range usage() {
		answer[key] = value
	}
	return answer
}

// version is the ship-go that was linked in.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, each := range info.Deps {
			if each.Path == "github.com/enbility/ship-go" {
				return each.Version
			}
		}
	}
	return "unknown"
}

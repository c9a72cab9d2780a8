package main

import (
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/nknorg/ncp-go"
)

// owes tells what the original waits for: the first packet that it believes to be missing on the other side, on which links that is
// under way and since when, after how long each of them would send it again, and how much of the window it believes to be unread.
// The original keeps this to itself; reading it is what tells whose a pause is.
func (n *node) owes() fields {
	session := n.current()
	s := reflect.ValueOf(session).Elem()
	session.RLock()
	start := uint32(s.FieldByName("sendWindowStartSeq").Uint())
	end := uint32(s.FieldByName("sendWindowEndSeq").Uint())
	window := s.FieldByName("sendWindowSize").Uint()
	var connections []*ncp.Connection
	for links := s.FieldByName("connections").MapRange(); links.Next(); {
		connections = append(connections, (*ncp.Connection)(links.Value().UnsafePointer()))
	}
	session.RUnlock()
	holders := []fields{}
	for _, connection := range connections {
		c := reflect.ValueOf(connection).Elem()
		sent := c.FieldByName("timeSentSeq")
		connection.RLock()
		times := *(*map[uint32]time.Time)(unsafe.Pointer(sent.UnsafeAddr()))
		at, holds := times[start]
		inFlight := len(times)
		connection.RUnlock()
		holder := fields{
			"link": c.FieldByName("localClientID").String(), "inFlight": inFlight,
			"rtoMs": connection.RetransmissionTimeout().Milliseconds(),
		}
		if holds {
			holder["ageMs"] = time.Since(at).Milliseconds()
		}
		holders = append(holders, holder)
	}
	return fields{"start": start, "end": end, "window": window, "unread": session.SendWindowUsed(), "links": holders}
}

// lag is the longest that this process was kept from running since it was last asked.
var lag atomic.Int64

func watchLag() {
	const tick = 10 * time.Millisecond
	for last := time.Now(); ; {
		time.Sleep(tick)
		now := time.Now()
		if late := now.Sub(last) - tick; late > time.Duration(lag.Load()) {
			lag.Store(int64(late))
		}
		last = now
	}
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/enbility/ship-go/api"
)

// Payloads up to this size are reported literally; of larger ones only size and hash.
const literalBytesMax = 4096

// reader stands where the application would: it reports every callback as an event, in the order of the calls.
type reader struct {
	say *speaker

	mutex        sync.Mutex
	writers      map[string]api.ShipConnectionDataWriterInterface
	allowWaiting bool
	echo         bool
	messages     int
	bytes        int
}

func newReader(say *speaker, allowWaiting bool) *reader {
	return &reader{say: say, allowWaiting: allowWaiting, writers: map[string]api.ShipConnectionDataWriterInterface{}}
}

var _ api.HubReaderInterface = (*reader)(nil)

func (r *reader) RemoteSKIConnected(ski string) {
	r.say.event("connected", fields{"ski": ski})
}

func (r *reader) RemoteSKIDisconnected(ski string) {
	r.say.event("disconnected", fields{"ski": ski})
}

// SetupRemoteDevice keeps the newest writer of each peer: a late callback about an older connection must not undo it.
func (r *reader) SetupRemoteDevice(ski string, writer api.ShipConnectionDataWriterInterface) api.ShipConnectionDataReaderInterface {
	r.mutex.Lock()
	r.writers[ski] = writer
	r.mutex.Unlock()
	r.say.event("setup", fields{"ski": ski})
	return &payloads{reader: r, ski: ski, writer: writer}
}

func (r *reader) VisibleRemoteServicesUpdated(entries []api.RemoteService) {
	if entries == nil {
		entries = []api.RemoteService{}
	}
	r.say.event("visible", fields{"services": entries})
}

func (r *reader) ServiceShipIDUpdate(ski string, shipID string) {
	r.say.event("shipId", fields{"ski": ski, "shipId": shipID})
}

func (r *reader) ServicePairingDetailUpdate(ski string, detail *api.ConnectionStateDetail) {
	more := fields{"ski": ski, "state": detail.State()}
	if err := detail.Error(); err != nil {
		more["cause"] = err.Error()
	}
	r.say.event("pairing", more)
}

func (r *reader) AllowWaitingForTrust(ski string) bool {
	r.mutex.Lock()
	answer := r.allowWaiting
	r.mutex.Unlock()
	r.say.event("allowWaiting", fields{"ski": ski, "answer": answer})
	return answer
}

func (r *reader) setAllowWaiting(on bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.allowWaiting = on
}

func (r *reader) setEcho(on bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.echo = on
}

func (r *reader) count(answer fields) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	answer["receivedMessages"] = r.messages
	answer["receivedBytes"] = r.bytes
}

// writer returns the newest connection of a peer that got as far as data. It may be closed by now.
func (r *reader) writer(ski string) (api.ShipConnectionDataWriterInterface, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if writer, ok := r.writers[ski]; ok {
		return writer, nil
	}
	return nil, fmt.Errorf("no connection with %s has got as far as data", ski)
}

// send hands over a payload, literal or made up, `count` times. ship-go reports no failure here.
func (r *reader) send(c command) (fields, error) {
	writer, err := r.writer(c.SKI)
	if err != nil {
		return nil, err
	}
	payload := []byte(c.Payload)
	if c.Payload == "" {
		if payload, err = filled(c.Bytes); err != nil {
			return nil, err
		}
	}
	for i := 0; i < max(c.Count, 1); i++ {
		writer.WriteShipMessageWithPayload(payload)
	}
	return fields{"bytes": len(payload), "sha256": digest(payload)}, nil
}

// close ends the newest connection of a peer as ship-go's own code could: safely (announce first) or at once, with a
// reason (close frame) or without one (the socket is dropped).
func (r *reader) close(c command) error {
	writer, err := r.writer(c.SKI)
	if err != nil {
		return err
	}
	connection, ok := writer.(api.ShipConnectionInterface)
	if !ok {
		return fmt.Errorf("%T can't be closed", writer)
	}
	connection.CloseConnection(c.Safe, c.Code, c.Reason)
	return nil
}

// payloads takes what one connection delivers.
type payloads struct {
	reader *reader
	ski    string
	writer api.ShipConnectionDataWriterInterface
}

func (p *payloads) HandleShipPayloadMessage(message []byte) {
	p.reader.mutex.Lock()
	p.reader.messages++
	p.reader.bytes += len(message)
	echo := p.reader.echo
	p.reader.mutex.Unlock()
	more := fields{"ski": p.ski, "bytes": len(message), "sha256": digest(message)}
	if len(message) <= literalBytesMax {
		more["payload"] = string(message)
	}
	p.reader.say.event("data", more)
	if echo {
		p.writer.WriteShipMessageWithPayload(message)
	}
}

// filled makes a payload of exactly this many bytes, in the form in which a receiver reports it.
func filled(bytes int) ([]byte, error) {
	const head, tail = `{"datagram":{"fill":"`, `"}}`
	fill := bytes - len(head) - len(tail)
	if fill < 0 {
		return nil, fmt.Errorf("a payload has at least %d bytes", len(head)+len(tail))
	}
	return []byte(head + strings.Repeat("abcdefghijklmnopqrstuvwxyz", fill/26+1)[:fill] + tail), nil
}

func digest(bytes []byte) string {
	sum := sha256.Sum256(bytes)
	return hex.EncodeToString(sum[:])
}

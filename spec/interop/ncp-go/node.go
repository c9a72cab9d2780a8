package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nknorg/ncp-go"
)

// Frames are those of a Tuna connection without its boxes: u32 little endian, then a packet. The first byte on each socket is
// the number of its link.
const frameBytesMax = 1 << 17

type node struct {
	say      *speaker
	maxConns int

	mutex    sync.Mutex
	session  *ncp.Session
	conns    []*conn
	accepted bool
	tuna     *tunaNode
}

type conn struct {
	net.Conn
	lock sync.Mutex
}

type address string

func (a address) Network() string { return "ncp" }
func (a address) String() string  { return string(a) }

func idsOf(links int) []string {
	ids := make([]string, links)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

func (n *node) current() *ncp.Session {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.session
}

func (n *node) obey(c command) (fields, error) {
	switch c.Do {
	case "listen":
		return n.listen(c)
	case "dial":
		return nil, n.dial(c)
	case "send":
		return n.send(c)
	case "receive":
		return n.receive(c)
	case "close":
		n.session.SetLinger(int32(c.Linger))
		return nil, n.session.Close()
	case "cut":
		return nil, n.cut(c.Link)
	case "state":
		return fields{"closed": n.session.IsClosed(), "closedByRemote": n.session.IsClosedByRemote(), "established": n.session.IsEstablished()}, nil
	case "owes":
		return n.owes(), nil
	case "bench":
		return bench(c)
	}
	return n.obeyTuna(c)
}

// config leaves out what is 0: the original takes its defaults for that.
func (c command) config() *ncp.Config {
	return &ncp.Config{
		NonStream: c.Packets, MTU: int32(c.MTU), SessionWindowSize: int32(c.Window), SendAckInterval: int32(c.AckInterval),
		InitialRetransmissionTimeout: int32(c.InitialRTO), MaxRetransmissionTimeout: int32(c.MaxRTO),
		MaxAckSeqListSize: int32(c.AckRanges), FlushInterval: int32(c.Flush),
	}
}

func (n *node) open(c command) error {
	config := c.config()
	n.conns = make([]*conn, c.Links)
	ids := idsOf(c.Links)
	session, err := ncp.NewSession(address("go"), address("holdfast"), ids, nil, n.sendWith, config)
	n.session = session
	return err
}

// sendWith has no deadline: that of the original breaks healthy connections under load (tuna-ncp.md, 2.3).
func (n *node) sendWith(local, _ string, buf []byte, _ time.Duration) error {
	link, err := strconv.Atoi(local)
	if err != nil {
		return err
	}
	n.mutex.Lock()
	c := n.conns[link]
	n.mutex.Unlock()
	if c == nil {
		return fmt.Errorf("link %d is down", link)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(buf)))
	if _, err = c.Write(head[:]); err == nil {
		_, err = c.Write(buf)
	}
	if err != nil {
		_ = c.Close()
	}
	return err
}

func (n *node) listen(c command) (fields, error) {
	if err := n.open(c); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				var head [1]byte
				if _, err := io.ReadFull(socket, head[:]); err != nil || int(head[0]) >= c.Links {
					_ = socket.Close()
					return
				}
				n.carry(socket, int(head[0]))
			}()
		}
	}()
	return fields{"port": listener.Addr().(*net.TCPAddr).Port}, nil
}

func (n *node) dial(c command) error {
	if err := n.open(c); err != nil {
		return err
	}
	for i := range c.Links {
		socket, err := n.connect(c.Port, i)
		if err != nil {
			return err
		}
		go func() {
			for {
				n.carry(socket, i)
				for !n.session.IsClosed() && c.Redial {
					time.Sleep(10 * time.Millisecond)
					if socket, err = n.connect(c.Port, i); err == nil {
						break
					}
				}
				if !c.Redial || n.session.IsClosed() {
					return
				}
			}
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return n.session.Dial(ctx)
}

func (n *node) connect(port, link int) (net.Conn, error) {
	socket, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	_, err = socket.Write([]byte{byte(link)})
	n.place(socket, link)
	return socket, err
}

func (n *node) place(socket net.Conn, link int) *conn {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if old := n.conns[link]; old != nil {
		if old.Conn == socket {
			return old
		}
		_ = old.Close()
	}
	n.conns[link] = &conn{Conn: socket}
	return n.conns[link]
}

// carry reads one socket to its end; any error ends it, as in nkn-tuna-session.
func (n *node) carry(socket net.Conn, link int) {
	c := n.place(socket, link)
	id := strconv.Itoa(link)
	err := n.read(socket, id)
	_ = socket.Close()
	n.mutex.Lock()
	if n.conns[link] == c {
		n.conns[link] = nil
	}
	n.mutex.Unlock()
	if err != nil && !errors.Is(err, io.EOF) {
		n.say.say(fields{"event": "socketEnded", "link": link, "error": err.Error()})
	}
}

func (n *node) read(socket net.Conn, id string) error {
	reader := newReader(socket)
	for {
		packet, err := reader.next()
		if err != nil {
			return err
		}
		if err = n.session.ReceiveWith(id, id, packet); err != nil {
			return err
		}
		n.mutex.Lock()
		isFirst := !n.accepted && n.session.IsEstablished()
		n.accepted = n.accepted || isFirst
		n.mutex.Unlock()
		if isFirst {
			go func() {
				err := n.session.Accept() // On the dialing side it answers that there is nothing to accept.
				n.say.say(fields{"event": "established", "accepted": err == nil})
			}()
		}
	}
}

func (n *node) cut(link int) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if c := n.conns[link]; c != nil {
		return c.Close()
	}
	return errors.New("that link is down already")
}

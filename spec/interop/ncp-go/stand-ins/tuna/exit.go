// Package tuna stands in for the exits of Tuna: where the original has a public port on an entry node far away and a carrier
// from there, an exit here has a port on loopback and a relay. It can be cut, and moved to another port, as happens when the
// original's carrier breaks.
package tuna

import (
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/nknorg/nkn-sdk-go"
	"github.com/nknorg/tuna/filter"
	"github.com/nknorg/tuna/geo"
	"github.com/nknorg/tuna/types"
)

const (
	DefaultReverseServiceName = "reverse"
	DefaultSubscriptionPrefix = "tuna_v1."
	MaxUDPBufferSize          = 65527
)

type Service struct {
	Name     string
	TCP, UDP []uint32
}

type ExitConfiguration struct {
	Reverse, ReverseRandomPorts, DownloadGeoDB, MeasureBandwidth     bool
	ReverseMaxPrice, ReverseNanoPayFee, MinReverseNanoPayFee         string
	ReverseServiceName, ReverseSubscriptionPrefix, ReverseMinBalance string
	GeoDBPath, MeasureStoragePath                                    string
	ReverseNanoPayFeeRatio                                           float64
	ReverseIPFilter                                                  geo.IPFilter
	ReverseNknFilter                                                 filter.NknFilter
	MeasurementBytesDownLink, DialTimeout                            int32
	SortMeasuredNodes                                                func(types.Nodes)
}

type OnConnect struct{ C chan struct{} }

type TunaExit struct {
	OnConnect *OnConnect
	target    string

	mutex    sync.Mutex
	listener net.Listener
	pairs    map[net.Conn]net.Conn
}

// Exits are all that were made, in this order: a session keeps its own to itself.
var Exits []*TunaExit

func NewTunaExit(services []Service, _ *nkn.Wallet, _ *nkn.MultiClient, _ *ExitConfiguration) (*TunaExit, error) {
	exit := &TunaExit{
		OnConnect: &OnConnect{make(chan struct{}, 1)},
		target:    fmt.Sprintf("127.0.0.1:%d", services[0].TCP[0]),
		pairs:     make(map[net.Conn]net.Conn),
	}
	Exits = append(Exits, exit)
	return exit, nil
}

func (e *TunaExit) StartReverse(bool) error {
	err := e.Move()
	e.OnConnect.C <- struct{}{}
	return err
}

// Move gives the exit a public port, another than before; what came through the old one is reset.
func (e *TunaExit) Move() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Close()
	e.mutex.Lock()
	e.listener = listener
	e.mutex.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go e.relay(near)
		}
	}()
	return nil
}

func (e *TunaExit) relay(near net.Conn) {
	far, err := net.Dial("tcp", e.target)
	if err != nil {
		_ = near.Close()
		return
	}
	e.mutex.Lock()
	e.pairs[near] = far
	e.mutex.Unlock()
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		ways.Add(1)
		go func() {
			defer ways.Done()
			_, _ = io.Copy(way[1], way[0])
			_ = way[1].(*net.TCPConn).CloseWrite()
		}()
	}
	ways.Wait()
	e.mutex.Lock()
	delete(e.pairs, near)
	e.mutex.Unlock()
	_ = near.Close()
	_ = far.Close()
}

// Cut resets what goes through at the moment, in both directions; the port stays.
func (e *TunaExit) Cut() int {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for near, far := range e.pairs {
		for _, conn := range []net.Conn{near, far} {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
	return len(e.pairs)
}

func (e *TunaExit) Close() {
	e.mutex.Lock()
	if e.listener != nil {
		_ = e.listener.Close()
		e.listener = nil
	}
	e.mutex.Unlock()
	e.Cut()
}

func (e *TunaExit) GetReverseIP() net.IP { return net.IPv4(127, 0, 0, 1) }

// GetReverseTCPPorts is empty while there is no entry, as in the original.
func (e *TunaExit) GetReverseTCPPorts() []uint32 {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.listener == nil {
		return nil
	}
	return []uint32{uint32(e.listener.Addr().(*net.TCPAddr).Port)}
}

type price struct{}

func (price) String() string { return "0" }

func (e *TunaExit) GetPrice() (price, price)  { return price{}, price{} }
func (e *TunaExit) SetLinger(int32)           {}
func (e *TunaExit) SetRemoteNode(*types.Node) {}

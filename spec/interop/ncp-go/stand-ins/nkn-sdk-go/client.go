// Package nkn stands in for the NKN client: as much of it as a Tuna session uses. Messages go to the test and come from it
// where the original sends them through the NKN network; addresses and keys are the original's.
package nkn

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"strings"

	"github.com/imdario/mergo"
	"github.com/nknorg/ncp-go"
	"github.com/nknorg/nkn/v2/crypto/ed25519"
	"github.com/nknorg/nkngomobile"
)

const (
	DefaultSessionAllowAddr = ".*"
	SessionIDSize           = 8
)

var ErrClosed = errors.New("client is closed")

type Account struct{ privateKey []byte }

func NewAccount(seed []byte) *Account {
	return &Account{ed25519.GetPrivateKeyFromSeed(seed)}
}

func (a *Account) PrivKey() []byte { return a.privateKey }

// Address is what the original makes of a key without an identifier.
func (a *Account) Address() string {
	return hex.EncodeToString(ed25519.GetPublicKeyFromPrivateKey(a.privateKey))
}

type Wallet struct{}

type ClientAddr struct{ address string }

func NewClientAddr(address string) *ClientAddr { return &ClientAddr{address} }
func (a *ClientAddr) Network() string          { return "nkn" }
func (a *ClientAddr) String() string           { return a.address }

func ClientAddrToPubKey(address string) ([]byte, error) {
	return hex.DecodeString(address[strings.LastIndex(address, ".")+1:])
}

func RandomBytes(count int) ([]byte, error) {
	bytes := make([]byte, count)
	_, err := rand.Read(bytes)
	return bytes, err
}

type DialConfig struct {
	DialTimeout   int32
	SessionConfig *ncp.Config
}

func MergeDialConfig(base *ncp.Config, given *DialConfig) (*DialConfig, error) {
	session := *base
	merged := &DialConfig{SessionConfig: &session}
	if given != nil {
		if err := mergo.Merge(merged, given, mergo.WithOverride); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

func NewStringArray(elems ...string) *nkngomobile.StringArray {
	return nkngomobile.NewStringArray(elems...)
}

type MessageConfig struct{}

type Message struct {
	Src    string
	Data   []byte
	answer chan<- []byte
}

func (m *Message) Reply(data any) error {
	m.answer <- data.([]byte)
	return nil
}

type OnMessage struct{ C chan *Message }

// Ask brings a message to somebody and answers with the reply.
type Ask func(to string, data []byte) ([]byte, error)

type MultiClient struct {
	OnMessage *OnMessage
	address   *ClientAddr
	ask       Ask
}

func NewMultiClient(address string, ask Ask) *MultiClient {
	return &MultiClient{&OnMessage{make(chan *Message, 16)}, NewClientAddr(address), ask}
}

func (m *MultiClient) Addr() net.Addr                             { return m.address }
func (m *MultiClient) Close() error                               { return nil }
func (m *MultiClient) ResolveDest(address string) (string, error) { return address, nil }

func (m *MultiClient) Send(to *nkngomobile.StringArray, data any, _ *MessageConfig) (*OnMessage, error) {
	replies := &OnMessage{make(chan *Message, 1)}
	go func() {
		if reply, err := m.ask(to.Elems()[0], data.([]byte)); err == nil {
			replies.C <- &Message{Src: to.Elems()[0], Data: reply}
		}
	}()
	return replies, nil
}

// Deliver hands a message in, as if the network had brought it; the reply comes on the channel.
func (m *MultiClient) Deliver(from string, data []byte) <-chan []byte {
	answer := make(chan []byte, 1)
	m.OnMessage.C <- &Message{from, data, answer}
	return answer
}

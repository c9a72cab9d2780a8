package main

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/nknorg/ncp-go"
	"github.com/nknorg/nkn-sdk-go"
	session "github.com/nknorg/nkn-tuna-session"
	"github.com/nknorg/tuna"
)

// A real nkn-tuna-session over the stand-ins of its network: whom it asks for addresses is the test, its exits are relays on
// loopback. Its sessions are ncp-go's, so that `send`, `receive`, `close` and `state` serve both.
type tunaNode struct {
	client  *session.TunaSessionClient
	network *nkn.MultiClient
	asked   map[int]chan []byte
	asks    int
}

func (n *node) obeyTuna(c command) (fields, error) {
	if c.Do != "tunaOpen" && n.tuna == nil {
		return nil, errors.New("tunaOpen comes first")
	}
	switch c.Do {
	case "tunaOpen":
		return n.tunaOpen(c)
	case "tunaListen":
		if err := n.tuna.client.Listen(nil); err != nil {
			return nil, err
		}
		<-n.tuna.client.OnConnect()
		return nil, nil
	case "tunaAsk":
		return fields{"data": <-n.tuna.network.Deliver(c.Peer, c.Data)}, nil
	case "tunaTell":
		n.mutex.Lock()
		asked := n.tuna.asked[c.Ask]
		delete(n.tuna.asked, c.Ask)
		n.mutex.Unlock()
		if asked == nil {
			return nil, fmt.Errorf("nobody waits for answer %d", c.Ask)
		}
		asked <- c.Data
		return nil, nil
	case "tunaDial":
		return n.use(n.tuna.client.DialWithConfig(c.Peer, &nkn.DialConfig{DialTimeout: int32(c.Timeout)}))
	case "tunaAccept":
		return n.use(n.tuna.client.AcceptSession())
	case "tunaCut":
		return fields{"cut": tuna.Exits[c.Link].Cut()}, nil
	case "tunaCutAll":
		cut := 0
		for _, exit := range tuna.Exits {
			cut += exit.Cut()
		}
		return fields{"cut": cut}, nil
	case "tunaMove":
		return nil, tuna.Exits[c.Link].Move()
	case "tunaCutDialed":
		n.tuna.client.CloseOneConn(n.session, fmt.Sprint(c.Link))
		return nil, nil
	case "tunaClose":
		return nil, n.tuna.client.Close()
	}
	return nil, fmt.Errorf("no command %q", c.Do)
}

func (n *node) tunaOpen(c command) (fields, error) {
	seed := sha256.Sum256([]byte(c.Name))
	account := nkn.NewAccount(seed[:])
	n.tuna = &tunaNode{asked: make(map[int]chan []byte)}
	n.tuna.network = nkn.NewMultiClient(account.Address(), n.ask)
	config := &session.Config{
		NumTunaListeners:  c.Links,
		ReconnectRetries:  c.Retries,
		ReconnectInterval: c.Interval,
		SessionConfig:     c.config(),
	}
	client, err := session.NewTunaSessionClient(account, n.tuna.network, &nkn.Wallet{}, config)
	n.tuna.client = client
	return fields{"address": account.Address()}, err
}

// ask tells the test that its peer's addresses are wanted, and waits for `tunaTell`.
func (n *node) ask(to string, data []byte) ([]byte, error) {
	answer := make(chan []byte, 1)
	n.mutex.Lock()
	n.tuna.asks++
	ask := n.tuna.asks
	n.tuna.asked[ask] = answer
	n.mutex.Unlock()
	n.say.say(fields{"event": "asked", "ask": ask, "to": to, "data": data})
	return <-answer, nil
}

func (n *node) use(session *ncp.Session, err error) (fields, error) {
	if err != nil {
		return nil, err
	}
	n.mutex.Lock()
	n.session = session
	n.mutex.Unlock()
	return fields{"remote": session.RemoteAddr().String()}, nil
}

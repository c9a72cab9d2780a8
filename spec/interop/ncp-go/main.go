// A real ncp-go session, or nkn-tuna-session, on strings: commands come as JSON lines on standard input, answers and events leave as JSON lines on
// standard output. It is a test partner and decides nothing by itself.
//
// A command is {"id":7,"do":"send","bytes":1000}; its answer is {"re":7,…} or {"re":7,"error":"…"}. Everything else that is
// written is an event: {"event":"received",…}. The end of standard input ends the program.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"
)

type fields map[string]any

type command struct {
	ID      int     `json:"id"`
	Do      string  `json:"do"`
	Port    int     `json:"port"`
	Links   int     `json:"links"`
	MTU     int     `json:"mtu"`
	Window  int     `json:"window"`
	Bytes   int64   `json:"bytes"`
	From    int64   `json:"from"`
	Linger  int     `json:"linger"`
	Link    int     `json:"link"`
	Pause   bool    `json:"pause"`
	Loss    float64 `json:"loss"`
	DelayMs int     `json:"delayMs"`
	Redial  bool    `json:"redial"`
	Packets bool    `json:"packets"`
	// Of either's session, where they are not to be the defaults.
	AckInterval int `json:"ackIntervalMs"`
	InitialRTO  int `json:"rtoInitialMs"`
	MaxRTO      int `json:"rtoMaxMs"`
	AckRanges   int `json:"ackRanges"`
	Flush       int `json:"flushMs"`
	// Of nkn-tuna-session.
	Name     string `json:"name"`
	Peer     string `json:"peer"`
	Ask      int    `json:"ask"`
	Data     []byte `json:"data"`
	Retries  int    `json:"retries"`
	Interval int    `json:"intervalMs"`
	Timeout  int    `json:"timeoutMs"`
}

type speaker struct {
	mutex sync.Mutex
	out   *json.Encoder
}

func (s *speaker) say(line fields) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_ = s.out.Encode(line)
}

func main() {
	say := &speaker{out: json.NewEncoder(os.Stdout)}
	go watchLag()
	node := &node{say: say, maxConns: 64}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			say.say(fields{"re": c.ID, "error": err.Error()})
			continue
		}
		go func() {
			answer, err := node.obey(c)
			if answer == nil {
				answer = fields{}
			}
			answer["re"] = c.ID
			if err != nil {
				answer["error"] = err.Error()
			}
			say.say(answer)
		}()
	}
}

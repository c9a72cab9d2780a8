// A real ship-go hub on strings: commands come as JSON lines on standard input, answers and callbacks leave as JSON
// lines on standard output. It is a test partner and decides nothing by itself.
//
// A command is {"id":7,"do":"register","ski":"…"}; its answer is {"re":7,…} or {"re":7,"error":"…"}. Everything else
// that is written is an event: {"n":12,"atMs":34,"event":"connected",…}, numbered in the order in which ship-go called.
// The end of standard input ends the program.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// The longest command: a payload of 10 MB, escaped.
const commandBytesMax = 32 << 20

type fields map[string]any

// speaker writes one line at a time, whoever speaks, and numbers the events.
type speaker struct {
	mutex   sync.Mutex
	out     *bufio.Writer
	count   int
	started time.Time
}

func (s *speaker) event(name string, more fields) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.count++
	line := fields{"n": s.count, "atMs": time.Since(s.started).Milliseconds(), "event": name}
	for key, value := range more {
		line[key] = value
	}
	s.write(line)
}

func (s *speaker) answer(id int, more fields, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	line := fields{"re": id}
	for key, value := range more {
		line[key] = value
	}
	if err != nil {
		line["error"] = err.Error()
	}
	s.write(line)
}

func (s *speaker) write(line fields) {
	text, err := json.Marshal(line)
	if err != nil {
		text = []byte(fmt.Sprintf(`{"event":"unspeakable","text":%q}`, err.Error()))
	}
	_, _ = s.out.Write(append(text, '\n'))
	_ = s.out.Flush()
}

func main() {
	say := &speaker{out: bufio.NewWriterSize(os.Stdout, 1<<16), started: time.Now()}
	node := newNode(say)
	go node.sendAll()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), commandBytesMax)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			say.answer(command.ID, nil, err)
			continue
		}
		if command.Do == "exit" {
			say.answer(command.ID, nil, nil)
			return
		}
		if command.Do == "send" {
			node.sends <- sending{command, node.reader} // A peer that doesn't read holds up sends, not other commands.
			continue
		}
		result, err := node.obey(command)
		say.answer(command.ID, result, err)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "commands:", err)
		os.Exit(1)
	}
}

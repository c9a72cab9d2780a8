package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
	"strconv"
	"time"

	"github.com/nknorg/ncp-go"
)

// The byte at each place of a stream, the same on both sides, so that whoever receives can check without the whole.
func byteAt(place int64) byte { return byte((uint32(place) * 0x9e3779b1) >> 13) }

// Waits between two reads are told from here on, and not more than so many.
const (
	gapMin  = 5 * time.Millisecond
	gapsMax = 100_000
)

type frameReader struct{ in *bufio.Reader }

func newReader(in io.Reader) *frameReader { return &frameReader{bufio.NewReaderSize(in, 1<<16)} }

func (r *frameReader) next() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length > frameBytesMax {
		return nil, fmt.Errorf("a frame of %d bytes", length)
	}
	packet := make([]byte, length)
	_, err := io.ReadFull(r.in, packet)
	return packet, err
}

// send writes so many bytes of the pattern, and answers when all were taken over.
func (n *node) send(c command) (fields, error) {
	session := n.current()
	piece := make([]byte, 16384)
	if c.Packets {
		piece = piece[:c.MTU]
	}
	for at := int64(0); at < c.Bytes; {
		part := piece[:min(int64(len(piece)), c.Bytes-at)]
		for i := range part {
			part[i] = byteAt(c.From + at + int64(i))
		}
		written, err := session.Write(part)
		at += int64(written)
		if err != nil {
			return fields{"bytes": at}, err
		}
	}
	return fields{"bytes": c.Bytes}, nil
}

// receive reads so many bytes, or until the end when none are named, and answers with the first wrong one.
func (n *node) receive(c command) (fields, error) {
	session := n.current()
	buf := make([]byte, 1<<16)
	wrongAt := int64(-1)
	at := int64(0)
	var gaps [][2]int64
	lag.Store(0)
	last := time.Now()
	for c.Bytes == 0 || at < c.Bytes {
		got, err := session.Read(buf)
		if gap := time.Since(last); gap > gapMin && at > 0 && len(gaps) < gapsMax {
			gaps = append(gaps, [2]int64{time.Now().UnixMilli(), gap.Milliseconds()})
		}
		last = time.Now()
		for i := range got {
			if wrongAt < 0 && buf[i] != byteAt(c.From+at+int64(i)) {
				wrongAt = at + int64(i)
			}
		}
		at += int64(got)
		if err != nil {
			if c.Bytes == 0 && (err == io.EOF || err == ncp.ErrSessionClosed) {
				break
			}
			return fields{"bytes": at, "wrongAt": wrongAt}, err
		}
		if c.Pause {
			time.Sleep(20 * time.Millisecond)
		}
	}
	return fields{"bytes": at, "wrongAt": wrongAt, "gaps": gaps, "lagMs": time.Duration(lag.Load()).Milliseconds()}, nil
}

// bench moves bytes between two sessions of the original in this process, over functions, with loss and delay where asked for.
func bench(c command) (fields, error) {
	config := &ncp.Config{MTU: int32(c.MTU)}
	ids := idsOf(c.Links)
	var ends [2]*ncp.Session
	random := rand.New(rand.NewSource(1))
	lock := make(chan struct{}, 1)
	to := func(other int) ncp.SendWithFunc {
		lines := make([]chan []byte, c.Links)
		for i := range lines {
			lines[i] = make(chan []byte, 4096)
			go func() {
				for packet := range lines[i] {
					_ = ends[other].ReceiveWith(strconv.Itoa(i), strconv.Itoa(i), packet)
				}
			}()
		}
		return func(local, _ string, buf []byte, _ time.Duration) error {
			link, _ := strconv.Atoi(local)
			if c.Loss > 0 {
				lock <- struct{}{}
				isLost := random.Float64() < c.Loss
				<-lock
				if isLost {
					return nil
				}
			}
			if c.DelayMs > 0 {
				time.AfterFunc(time.Duration(c.DelayMs)*time.Millisecond, func() { lines[link] <- buf })
				return nil
			}
			lines[link] <- buf
			return nil
		}
	}
	for i := range ends {
		session, err := ncp.NewSession(address("a"), address("b"), ids, nil, to(1-i), config)
		if err != nil {
			return nil, err
		}
		ends[i] = session
	}
	go func() {
		for !ends[1].IsEstablished() {
			time.Sleep(time.Millisecond)
		}
		_ = ends[1].Accept()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := ends[0].Dial(ctx); err != nil {
		return nil, err
	}
	started := time.Now()
	go func() {
		piece := make([]byte, 65536)
		for at := int64(0); at < c.Bytes; at += int64(len(piece)) {
			if _, err := ends[0].Write(piece); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for at := int64(0); at < c.Bytes; {
		got, err := ends[1].Read(buf)
		if err != nil {
			return nil, err
		}
		at += int64(got)
	}
	seconds := time.Since(started).Seconds()
	for _, end := range ends {
		end.SetLinger(0)
		_ = end.Close()
	}
	return fields{"megabytesPerSecond": float64(c.Bytes) / 1e6 / seconds}, nil
}

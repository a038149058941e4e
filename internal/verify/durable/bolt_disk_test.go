package durable

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ack is what a worker says of a write.
type ack struct {
	id      string
	version int64
}

// event is a line of the log.
type event struct {
	what byte   // W, T, S; O: Open has returned; A: a write was acknowledged; Z: the worker closes the store
	at   int64  // where, or the size
	data []byte // what was written
	ack  ack
}

func readLog(path string) (events []event, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		e := event{what: line[0]}
		rest := strings.TrimSpace(line[1:])
		switch e.what {
		case 'W':
			var n int
			if _, err := fmt.Sscan(rest, &e.at, &n); err != nil {
				return nil, err
			}
			e.data = make([]byte, n)
			if _, err := io.ReadFull(r, e.data); err != nil {
				return nil, err
			}
		case 'T':
			if _, err := fmt.Sscan(rest, &e.at); err != nil {
				return nil, err
			}
		case 'A':
			if _, err := fmt.Sscan(rest, &e.ack.id, &e.ack.version); err != nil {
				return nil, err
			}
		case 'S', 'O', 'Z':
		default:
			return nil, fmt.Errorf("the worker says: %s", line)
		}
		events = append(events, e)
	}
}

// disk is the content of a file: data, and zeros up to its size.
type disk struct {
	data []byte
	size int64
}

func (d *disk) clone() *disk { return &disk{bytes.Clone(d.data), d.size} }

// apply does what an event does, of a write only the sectors that keep says, by their number in it.
func (d *disk) apply(e event, keep func(sector int) bool) {
	const sector = 512
	end := e.at + int64(len(e.data))
	d.size = max(d.size, end)
	if e.what != 'W' {
		return
	}
	if missing := end - int64(len(d.data)); missing > 0 {
		d.data = append(d.data, make([]byte, missing)...)
	}
	for from := 0; from < len(e.data); from += sector {
		if keep(from / sector) {
			copy(d.data[e.at+int64(from):], e.data[from:min(from+sector, len(e.data))])
		}
	}
}

func (d *disk) put(path string) error {
	if err := os.WriteFile(path, d.data, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, d.size)
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// reader is a browser that is told what happens: whenever its stream ends, it
// asks some desk for what came behind the last event that it has seen.
type reader struct {
	fleet *fleet
	as    who

	mu      sync.Mutex
	last    int64 // the newest place; -1 before the first answer
	seen    map[int64]bool
	faults  []string
	resumed int
}

func newReader(f *fleet, as who) *reader {
	return &reader{fleet: f, as: as, last: 0, seen: map[int64]bool{}}
}

func (b *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		b.connect(ctx)
		wait(ctx, 1e7) // 10 ms: a browser would wait for longer
	}
}

// connect listens until the stream ends.
func (b *reader) connect(ctx context.Context) {
	address, err := b.fleet.address(ctx)
	if err != nil {
		return
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/events", http.NoBody)
	if err != nil {
		return
	}
	b.as.on(r)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", strconv.FormatInt(b.place(), 10))
	res, err := (&http.Client{}).Do(r)
	if err != nil {
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return
	}
	b.mu.Lock()
	b.resumed++
	b.mu.Unlock()
	b.listen(bufio.NewScanner(res.Body))
}

func (b *reader) listen(lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var id int64
	var data, event bool
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id, _ = strconv.ParseInt(value, 10, 64) // 0 is told below
		case "data":
			data = true
		case "event":
			event = true
		case "":
			b.told(id, data, event)
			id, data, event = 0, false, false
		}
	}
}

// told notes a whole frame; half of one does not count.
func (b *reader) told(id int64, data, event bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case event:
		b.faults = append(b.faults, fmt.Sprintf("told to read all anew at %d", id))
	case data && id <= b.last:
		b.faults = append(b.faults, fmt.Sprintf("told of %d after %d", id, b.last))
	case data:
		b.seen[id] = true
	}
	if id > b.last {
		b.last = id
	}
}

func (b *reader) place() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

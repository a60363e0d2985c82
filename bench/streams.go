package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// crowd is how many browsers listen at once.
const crowd = 5000

// crowdEnv makes this program so many browsers: they are a process of their own, so
// that what they cost is not taken for what the desk costs.
const crowdEnv = "HOOKDESK_BENCH_CROWD"

// lastStream measures how long it takes until the last of many browsers knows,
// and compares with a hub that does nothing but write to connections.
func (o options) lastStream(ctx context.Context, dsn string) (r result, err error) {
	size := min(crowd, o.rounds*10)
	l, err := startLive(ctx, dsn)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if _, err := l.say(ctx, 0); err != nil {
		return r, err
	}
	before := memory()
	browsers, err := gather(ctx, l.url+"/api/events", size)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, browsers.leave()) }()
	each := (memory() - before) / int64(size)
	hub := &bareHub{}
	web, err := hub.serve(ctx)
	if err != nil {
		return r, err
	}
	defer func() { _ = web.Close() }() // its connections were taken from it
	others, err := gather(ctx, "http://"+hub.address, size)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, others.leave()) }()
	frame := []byte("id: 1\ndata: " + strings.Repeat("x", 900) + "\n\n") // about as long as that of a reply
	var desk, bare []time.Duration
	for range min(o.rounds, 15) {
		took, err := browsers.until(func() error { _, err := l.say(ctx, 0); return err })
		if err != nil {
			return r, err
		}
		desk = append(desk, took)
		if took, err = others.until(func() error { hub.broadcast(frame); return nil }); err != nil {
			return r, err
		}
		bare = append(bare, took)
	}
	if each > 5<<10 && size == crowd {
		return r, fmt.Errorf("a stream costs %d bytes; 5 KiB are promised", each)
	}
	return result{desk: median(desk), hand: median(bare), most: 1.5, note: fmt.Sprintf(", %d bytes each, <= 5120", each)}, nil
}

// memory is what lives, after everything else was thrown away.
func memory() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// bareHub is the least that one can do.
type bareHub struct {
	address string
	mu      sync.Mutex
	conns   []net.Conn
}

func (h *bareHub) serve(ctx context.Context) (*http.Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.address = listener.Addr().String()
	web := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = web.Serve(listener) }() // until Close
	return web, nil
}

func (h *bareHub) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 2000\n\n") // who is gone is gone
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, conn)
}

func (h *bareHub) broadcast(frame []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_, _ = c.Write(frame) // who is gone is gone
	}
}

// browsers are a process that listens.
type browsers struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *bufio.Scanner
}

func gather(ctx context.Context, url string, n int) (*browsers, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &browsers{cmd: exec.CommandContext(ctx, program)}
	b.cmd.Env = append(os.Environ(), crowdEnv+"="+url+" "+strconv.Itoa(n))
	b.cmd.Stderr = os.Stderr
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	b.said = bufio.NewScanner(out)
	if !b.said.Scan() {
		return nil, errors.Join(errors.New("the browsers did not come"), b.leave())
	}
	return b, nil
}

// until does something and measures until the last browser was told of it, on the
// clock that all processes of a machine share.
func (b *browsers) until(do func() error) (time.Duration, error) {
	start := time.Now()
	if err := do(); err != nil {
		return 0, err
	}
	if !b.said.Scan() {
		return 0, errors.New("the browsers have gone")
	}
	last, err := strconv.ParseInt(b.said.Text(), 10, 64)
	if err != nil {
		return 0, err
	}
	return time.Unix(0, last).Sub(start), nil
}

func (b *browsers) leave() error {
	return errors.Join(b.in.Close(), b.cmd.Wait())
}

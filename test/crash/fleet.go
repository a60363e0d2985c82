package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// fleet is the processes of one desk, and the way to them.
type fleet struct {
	program string
	spec    spec
	log     io.Writer // what the processes say
	client  *http.Client
	desks   []*process
	turn    atomic.Int64
}

// process is one place of the fleet; who fills it is killed and replaced.
type process struct {
	mu      sync.Mutex
	cmd     *exec.Cmd
	address atomic.Pointer[string] // "" while nobody listens
	ended   chan error
}

func newFleet(size int, s spec, log io.Writer) (*fleet, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &fleet{program: program, spec: s, log: log, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 50, IdleConnTimeout: time.Second},
	}}
	for range size {
		p := &process{}
		p.address.Store(new(""))
		f.desks = append(f.desks, p)
	}
	return f, nil
}

// start fills a place, and waits until the desk listens.
func (f *fleet) start(p *process) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := json.Marshal(f.spec)
	if err != nil {
		return err
	}
	cmd := exec.Command(f.program) // it is killed when its time has come
	cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	cmd.Stderr = f.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.ended = cmd, make(chan error, 1)
	said := bufio.NewScanner(out)
	if !said.Scan() {
		return fmt.Errorf("a desk did not start: %w", errors.Join(said.Err(), cmd.Wait()))
	}
	p.address.Store(new(said.Text()))
	go func() { p.ended <- cmd.Wait() }()
	return nil
}

// kill ends a process as a loss of power would.
func (p *process) kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address.Store(new(""))
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// freeze stops a process for so long, as a machine that is suspended would.
func (p *process) freeze(d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(d)
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

// stop ends a process as its operator would; it must leave in order.
func (p *process) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address.Store(new(""))
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.ended:
		return err
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("a desk does not stop"), p.cmd.Process.Kill())
	}
}

// address is where one of the desks listens; it waits until one does.
func (f *fleet) address(ctx context.Context) (string, error) {
	for {
		for range f.desks {
			p := f.desks[int(f.turn.Add(1))%len(f.desks)]
			if a := *p.address.Load(); a != "" {
				return a, nil
			}
		}
		if !wait(ctx, 2*time.Millisecond) {
			return "", ctx.Err()
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// who is calling.
type who struct{ user, role string }

func (w who) on(r *http.Request) {
	r.Header.Set(userHeader, w.user)
	if w.role != "" {
		r.Header.Set(w.role, "true")
	}
}

// request is one that is sent until it is answered.
type request struct {
	who         who
	method      string
	path        string
	key         string // the idempotency key, so that it may be sent again
	contentType string
	body        string
}

// mostTries is how often a conflict with an earlier try is believed.
const mostTries = 200

// final reports whether a further try would be answered in the same way. A
// conflict after the first may be one with an earlier try, which is at work still.
func final(status, tries int) bool {
	return status < 500 && status != http.StatusTooManyRequests && !(status == http.StatusConflict && tries > 0 && tries < mostTries)
}

// errRefused is an answer that no second try would change.
var errRefused = errors.New("refused")

// send sends until there is an answer that is one, and decodes it. It counts
// answers of 500, which say that somebody made a mistake.
func (f *fleet) send(ctx context.Context, q request, into any) error {
	for tries := 0; ; tries++ {
		status, body, err := f.once(ctx, q)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && status < 300:
			if into == nil {
				return nil
			}
			return json.Unmarshal(body, into)
		case err == nil && final(status, tries):
			return fmt.Errorf("%w: %s %s: %d %s", errRefused, q.method, q.path, status, body)
		case err == nil && status == http.StatusInternalServerError:
			_, _ = fmt.Fprintf(f.log, "500: %s %s: %s\n", q.method, q.path, body) // a log
		}
		if !wait(ctx, 5*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func (f *fleet) once(ctx context.Context, q request) (status int, body []byte, err error) {
	address, err := f.address(ctx)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address+q.path, strings.NewReader(q.body))
	if err != nil {
		return 0, nil, err
	}
	q.who.on(r)
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	if q.key != "" {
		r.Header.Set("Idempotency-Key", q.key)
	}
	res, err := f.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

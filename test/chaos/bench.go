package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external"
)

const prefix = "/support"

// The deadlines of the plugin's handlers, which are the usual ones.
const (
	beforeLimit = 250 * time.Millisecond
	filterLimit = 150 * time.Millisecond
)

// bench is a desk with the probe in it.
type bench struct {
	dir     string
	db      *gorm.DB
	desk    *core.Desk
	handler http.Handler
	plugin  *external.Plugin
	cancel  context.CancelFunc
	ended   chan error
	limits  map[string]time.Duration // of each kind of request: the deadlines on its way
}

func newBench(dir, dsn string) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, ended: make(chan error, 1), limits: map[string]time.Duration{}}
	b.plugin = external.New(self, external.Env(dirEnv, dir), external.Dir(dir), external.Deadlines(beforeLimit, filterLimit, 0))
	if b.db, err = core.Open(dsn); err != nil {
		return nil, err
	}
	b.desk, err = core.New(core.Config{
		DB: b.db, Identify: caller, Files: core.Dir(filepath.Join(dir, "files")), BaseURL: "http://desk.example" + prefix,
		Plugins: []core.Plugin{b.plugin}, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return nil, err
	}
	b.handler = nethttp.Handler(prefix, b.desk)
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go func() { b.ended <- b.desk.Run(ctx) }()
	return b, b.ready(0)
}

func caller(*http.Request) (core.Identity, error) {
	return core.Identity{UserID: "ada", Name: "Ada", Email: "ada@desk.example", Role: core.Admin}, nil
}

func (b *bench) end() {
	b.cancel()
	<-b.ended
	_ = b.desk.Close() // what it was for is over
}

// ready waits for a process other than that of the pid before.
func (b *bench) ready(before int) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if p := b.plugin.Process(); p.State == "ready" && p.PID != before {
			return nil
		}
	}
	return fmt.Errorf("no process is ready: %+v", b.plugin.Process())
}

// answer is what a request came to.
type answer struct {
	status int
	body   []byte
	took   time.Duration
}

// ask makes a request, and gives it up after 2 s, as callers do.
func (b *bench) ask(method, path string, body any) answer {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, prefix+path, bytes.NewReader(text))
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	began := time.Now()
	b.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Body.Bytes(), time.Since(began)}
}

// step is a request of a round.
type step struct {
	kind, method, path string
	body               any
	mayRefuse          bool // at its hook, a malfunction refuses
}

func (b *bench) steps(order string, ticket int64) []step {
	path := fmt.Sprintf("/api/tickets/%d", ticket)
	reply := step{"reply", "POST", path + "/replies", map[string]any{"body": "order" + order + " indeed"}, true}
	return []step{
		{"show", "GET", path, nil, false},
		reply, reply,
		{"list", "GET", "/api/tickets?limit=5", nil, false},
	}
}

func create(order string) step {
	return step{"create", "POST", "/api/tickets", map[string]any{"subject": "order" + order + " please", "body": "x"}, false}
}

// learn counts, in peace, which handlers are on the way of each kind of request.
func (b *bench) learn() error {
	take := func(s step) answer {
		before := b.spent()
		a := b.ask(s.method, s.path, s.body)
		b.limits[s.kind] = b.spent() - before
		return a
	}
	made := take(create("-0-nothing-"))
	id, err := idOf(made)
	if err != nil {
		return err
	}
	for _, s := range b.steps("-0-nothing-", id) {
		if a := take(s); a.status >= 300 {
			return fmt.Errorf("in peace, %s: %d %s", s.kind, a.status, a.body)
		}
	}
	return nil
}

// spent is the sum of the deadlines of all calls so far.
func (b *bench) spent() (sum time.Duration) {
	for _, p := range b.desk.Points() {
		for _, h := range p.Handlers() {
			switch {
			case h.Plugin != "probe":
			case p.Kind() == "before":
				sum += beforeLimit * time.Duration(h.Calls)
			case p.Kind() == "filter":
				sum += filterLimit * time.Duration(h.Calls)
			}
		}
	}
	return sum
}

func idOf(a answer) (int64, error) {
	var made struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal(a.body, &made); err != nil || made.ID == 0 {
		return 0, errors.Join(err, fmt.Errorf("no ticket: %d %s", a.status, a.body))
	}
	return made.ID, nil
}

func (b *bench) rounds(ctx context.Context, o options, t *tally) error {
	random := rand.New(rand.NewPCG(o.seed, 1))
	if err := b.learn(); err != nil {
		return err
	}
	for n := 1; n <= o.rounds && ctx.Err() == nil; n++ {
		place, signal := places()[n%len(places())], signals()[n/len(places())%len(signals())]
		if err := b.round(n, place, signal, random, t); err != nil {
			return fmt.Errorf("round %d, %s at %s: %w", n, signal, place, err)
		}
	}
	return ctx.Err()
}

// round lets a ticket live a little, while something happens to the process: in two
// of three rounds in the middle of the handler at the place, else at any moment.
func (b *bench) round(n int, place, signal string, random *rand.Rand, t *tally) error {
	c, pid, text := t.of(place, signal), b.plugin.Process().PID, order(n, signal, place)
	c.rounds++
	if n%3 == 0 {
		text = fmt.Sprintf("-%d-outside-", n)
		timer := time.AfterFunc(time.Duration(random.IntN(int(10*time.Millisecond))), func() { _ = syscall.Kill(pid, number(signal)) }) // it runs until now
		defer timer.Stop()
	}
	made := b.judged(n, create(text), c, t)
	id, err := idOf(made)
	if err != nil {
		return nil // the fault is noted
	}
	for _, s := range b.steps(text, id) {
		b.judged(n, s, c, t)
	}
	if place == route {
		b.ask("GET", "/api/probe/order"+text, nil) // a route of the plugin's may fail with it
	}
	if place == after { // it may not have come yet
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "mark"+text)); err == nil {
		c.struck++
	}
	return b.revive(pid, signal, random, c)
}

func number(signal string) syscall.Signal {
	if signal == kill {
		return syscall.SIGKILL
	}
	return syscall.SIGSTOP
}

// judged makes a request and holds it to what is promised.
func (b *bench) judged(n int, s step, c *counts, t *tally) answer {
	a := b.ask(s.method, s.path, s.body)
	c.requests++
	c.waited(a.took, b.limits[s.kind]+t.slack)
	if a.took > b.limits[s.kind]+t.slack {
		c.late++
		t.fault("round %d: %s took %v, more than %v and %v", n, s.kind, a.took, b.limits[s.kind], t.slack)
	}
	switch {
	case a.status < 300:
	case a.status == http.StatusServiceUnavailable && s.mayRefuse:
		c.refused++
	default:
		c.failed++
		t.fault("round %d: %s: %d %s", n, s.kind, a.status, a.body)
	}
	return a
}

// revive lets a stopped process go on, or sees to it that there is a new one.
func (b *bench) revive(pid int, signal string, random *rand.Rand, c *counts) error {
	if signal == freeze && random.IntN(2) == 0 {
		if syscall.Kill(pid, syscall.SIGCONT) == nil && b.plugin.Process().PID == pid {
			c.comeback++
			return nil
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have gone
	c.replaced++
	if a := b.restart(); a.status != http.StatusOK {
		return fmt.Errorf("restart: %d %s", a.status, a.body)
	}
	return b.ready(pid)
}

// restart asks for a new process now, for by itself the desk would wait ever longer.
func (b *bench) restart() answer {
	r := httptest.NewRequest(http.MethodPost, prefix+"/api/plugins/probe/restart", http.NoBody)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return answer{status: w.Code, body: w.Body.Bytes()}
}

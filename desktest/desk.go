package desktest

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/pprof"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
)

// Prefix is where the desk of a test is mounted.
const Prefix = "/support"

// Desk is a desk that runs, on a database of its own, until its test ends.
type Desk struct {
	*core.Desk
	Clock   *Clock
	DB      *gorm.DB
	Handler http.Handler // the desk below Prefix
	Config  core.Config  // as it was given to core.New

	t       testing.TB
	journal *journal
	label   string // of the goroutines that the desk starts
	stop    func() // ends Run; nothing when it has ended
	tickets int
}

// New starts a desk with these plugins on a new database. It is stopped when t
// ends. A plugin belongs to one desk: give each its own.
func New(t testing.TB, db Database, plugins ...core.Plugin) *Desk {
	t.Helper()
	return NewWith(t, db, nil, plugins...)
}

// NewWith is New for a desk that edit has its say in. Where edit sets a DB, the
// desk runs on that one, and db counts for nothing.
func NewWith(t testing.TB, db Database, edit func(*core.Config), plugins ...core.Plugin) *Desk {
	t.Helper()
	d := prepare(t, db, edit, plugins...)
	d.run()
	t.Cleanup(func() { d.stop() })
	return d
}

// prepare is a desk that is not made yet.
func prepare(t testing.TB, db Database, edit func(*core.Config), plugins ...core.Plugin) *Desk {
	t.Helper()
	d := &Desk{Clock: newClock(), t: t, journal: &journal{t: t}, label: nextLabel()}
	d.Config = core.Config{
		TablePrefix: "hookdesk_", Identify: identify, GuestTickets: true, BaseURL: "https://desk.example" + Prefix,
		Files: core.Dir(t.TempDir()), Secret: []byte("0123456789abcdef0123456789abcdef"),
		Plugins: plugins, Clock: d.Clock, Logger: slog.New(recordHandler{journal: d.journal}),
	}
	if edit != nil {
		edit(&d.Config)
	}
	t.Cleanup(d.journal.close)
	if d.Config.DB == nil {
		d.Config.DB = db.open(t, d.Config)
	}
	d.DB = d.Config.DB
	return d
}

var labels atomic.Int64

func nextLabel() string { return strconv.FormatInt(labels.Add(1), 10) }

// Stop ends the desk as the end of its program would. Reopen starts it again.
func (d *Desk) Stop() {
	d.t.Helper()
	d.stop()
}

// Reopen stops the desk and starts a new one on the same database, as a restart
// of the program does. Without plugins it has those of before, which must bear
// to be registered twice; the clock goes on.
func (d *Desk) Reopen(plugins ...core.Plugin) {
	d.t.Helper()
	d.stop()
	if len(plugins) > 0 {
		d.Config.Plugins = plugins
	}
	d.run()
}

// run makes the desk, lets it run, and waits until it listens.
func (d *Desk) run() {
	d.t.Helper()
	d.stop = func() {}
	made, err := d.build()
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go pprof.Do(ctx, pprof.Labels("desktest", d.label), func(ctx context.Context) { ended <- made.Run(ctx) })
	d.Desk, d.Handler = made, nethttp.Handler(Prefix, made)
	d.stop = func() {
		d.t.Helper()
		d.stop = func() {}
		cancel()
		d.wait(ended)
		if err := made.Close(); err != nil {
			d.t.Error(err)
		}
	}
	for !d.listens() {
		select {
		case err := <-ended:
			ended <- err
			d.t.Fatalf("the desk stopped at its start: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

// wait sees to it that the desk ends.
func (d *Desk) wait(ended <-chan error) {
	d.t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			d.t.Errorf("the desk ended with: %v", err)
		}
	case <-time.After(patience):
		d.t.Errorf("the desk did not stop within %v: a handler, job or route hangs\n%s", patience, d.stacks())
	}
}

// listens reports whether the desk runs and every After handler has its place in
// the log, so that it is given all that happens from now on.
func (d *Desk) listens() bool {
	ctx := d.asDesk()
	if d.Ready(ctx) != nil {
		return false
	}
	var known []string
	if err := d.DB.Table(d.Config.TablePrefix+"consumers").Pluck("name", &known).Error; err != nil {
		d.t.Fatal(err)
	}
	points, err := d.Plugins.Hooked(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, p := range points {
		for _, h := range p.Handlers {
			if p.Kind == "after" && !p.Transient && !slices.Contains(known, h.Name+"@"+p.Name) {
				return false
			}
		}
	}
	return true
}

// asDesk is a context that may read everything and leaves no trace.
func (*Desk) asDesk() context.Context {
	return core.As(context.Background(), core.Actor{Kind: core.Admin, Plugin: "desktest"})
}

// Package core is the helpdesk: tickets, replies and what every helpdesk has,
// the hooks by which plugins take part, and the event log that tells them.
//
// A host makes a Desk of a Config, mounts it by one of the adapters, and runs
// it. Whoever acts, acts through a context: see As.
package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
	"github.com/hookdesk/hookdesk/schema"
)

const coreID = "core"

// Config is what a host gives a desk. The zero value of each field is safe: it
// denies, or does the usual.
type Config struct {
	// DB is the database: of core.Open, or the host's own.
	DB *gorm.DB
	// Store keeps core's rows in place of DB. Plugins with tables of their own
	// still need DB.
	Store Store
	// TablePrefix starts the name of every table; default "hookdesk_".
	TablePrefix string

	// Identify tells who makes a request. Nil: UserID, IsAgent and IsAdmin are
	// asked; with none of them, every caller is anonymous.
	Identify func(*http.Request) (Identity, error)
	// UserID is the host's id of the caller; "" is anonymous.
	UserID func(*http.Request) string
	// IsAgent and IsAdmin tell what the caller may do.
	IsAgent, IsAdmin func(*http.Request) bool
	// Directory lists the agents, so that tickets can be assigned to one who
	// never called. Nil: agents are known once they have called.
	Directory func(context.Context) ([]Identity, error)
	// See has the last word on whether an actor sees a ticket; may is what the
	// desk would say. It is called for each ticket, so it must be quick. Nil: the
	// desk's word stands.
	See func(ctx context.Context, a Actor, t Ticket, may bool) bool
	// GuestTickets lets anonymous visitors open tickets.
	GuestTickets bool

	// BaseURL is where the desk is reached from outside, prefix included, such as
	// "https://example.com/support". Links and the trust in origins come from it.
	BaseURL string
	// Files keeps attachments, such as core.Dir("files"). Nil: uploads are refused.
	Files Files
	// Secret encrypts settings that are secret: 32 random bytes. Nil: they are
	// refused.
	Secret []byte
	// Types are the types of ticket; default question, problem, incident, task.
	Types []string

	// Plugins are the features of this desk, in any order.
	Plugins []Plugin
	// Lease is how long a process that has died keeps its handlers and jobs from
	// the others; default 10 s. All processes of a desk have the same.
	Lease time.Duration
	// Streams limits how many browsers listen to GET /api/events.
	Streams StreamLimits
	// Clock is the time; default the real one. Tests give a fake.
	Clock clockwork.Clock
	// Logger takes what goes wrong; default slog.Default.
	Logger *slog.Logger
}

// Desk is one helpdesk. Its fields are the services: each call acts as the
// Actor of its context (see As) and checks that actor's rights.
type Desk struct {
	Tickets     Tickets
	Replies     Replies
	Departments Departments
	Tags        Tags
	People      People
	Attachments Attachments
	Settings    Settings
	Activity    Activity
	Guests      GuestDesk
	Plugins     Plugins
	Deliveries  Deliveries
	Schedule    Schedule
	Feed        Feed

	config    Config
	store     Store
	hooks     *Hooks
	rest      *rest.Table
	own       *host
	hosts     []*host               // in dependency order
	sorts     map[string]ticketSort // of plugins
	events    *eventLog
	herald    *herald
	streams   *streams
	relay     *relay
	jobs      *jobs
	clock     clockwork.Clock
	log       *slog.Logger
	people    personCache
	settings  settingCache
	ready     atomic.Bool
	until     context.Context //nolint:containedctx // what Run was given: plugins that are switched on later end with it
	mounted   sync.Once
	switching sync.Mutex // one plugin is switched at a time
}

var prefixForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,30}$`)

// New brings the database up to date and registers the plugins, all or
// nothing: on an error, which lists all that is wrong, there is no desk. It
// starts nothing; see Run.
func New(c Config) (*Desk, error) {
	d, err := prepare(c)
	if err != nil {
		return nil, err
	}
	if err := d.open(); err != nil {
		return nil, err
	}
	enrol := func(ctx context.Context) error { return d.relay.enrol(ctx) }
	for _, step := range []func(context.Context) error{d.gather, d.migrate, d.register, d.restoreSwitches, enrol} {
		if err := step(context.Background()); err != nil {
			return nil, errors.Join(fmt.Errorf("core: %w", err), d.Close())
		}
	}
	return d, nil
}

func prepare(c Config) (*Desk, error) {
	if c.TablePrefix == "" {
		c.TablePrefix = "hookdesk_"
	}
	if !prefixForm.MatchString(c.TablePrefix) {
		return nil, fmt.Errorf("core: the table prefix %q must match %s", c.TablePrefix, prefixForm)
	}
	if c.DB == nil && c.Store == nil {
		return nil, errors.New("core: the Config has no DB: give it one of core.Open")
	}
	if len(c.Secret) == 0 {
		c.Secret = nil // an empty one is none
	}
	if n := len(c.Secret); n != 0 && n != 32 {
		return nil, fmt.Errorf("core: the Config's Secret has %d bytes, not 32", n)
	}
	if c.Clock == nil {
		c.Clock = clockwork.NewRealClock()
	}
	if c.Logger == nil {
		c.Logger = slog.Default() //nolint:forbidigo // the default of the logger
	}
	if c.Lease <= 0 {
		c.Lease = leaseTime
	}
	if len(c.Types) == 0 {
		c.Types = []string{"question", "problem", "incident", "task"}
	}
	d := &Desk{config: c, hooks: NewHooks(), clock: c.Clock, log: c.Logger}
	d.Tickets, d.Replies, d.Departments = Tickets{d}, Replies{d}, Departments{d}
	d.Tags, d.People, d.Attachments = Tags{d}, People{d}, Attachments{d}
	d.Settings, d.Activity, d.Guests, d.Plugins = Settings{d}, Activity{d}, GuestDesk{d}, Plugins{d}
	d.Deliveries, d.Schedule, d.Feed = Deliveries{d}, Schedule{d}, Feed{d}
	d.rest = rest.New(d.restOptions())
	return d, nil
}

// open settles where the rows are kept.
func (d *Desk) open() (err error) {
	if d.config.DB != nil {
		if d.config.DB, err = adopt(d.config.DB); err != nil {
			return fmt.Errorf("core: the database: %w", err)
		}
	}
	if d.store = d.config.Store; d.store == nil {
		d.store = newGormStore(d.config.DB, d.config.TablePrefix)
	}
	return nil
}

// foreign reports whether core's rows are kept by the host's own Store.
func (d *Desk) foreign() bool { return d.config.Store != nil }

func (d *Desk) migrate(ctx context.Context) error {
	if d.config.DB == nil {
		return nil
	}
	var owners []schema.Owner
	if !d.foreign() {
		owners = append(owners, schema.Owner{ID: coreID, Migrations: schema.Core()})
	}
	for _, h := range d.hosts {
		if h.manifest.Migrations != nil {
			owners = append(owners, schema.Owner{ID: h.id, Migrations: h.manifest.Migrations})
		}
	}
	if len(owners) == 0 {
		return nil
	}
	m, err := schema.New(d.config.DB, d.config.TablePrefix, owners...)
	if err != nil {
		return err
	}
	return m.WithLogger(d.log).Up(ctx)
}

// Hooks is the catalogue. A host attaches its own handlers by a plugin of its
// own, see Inline.
func (d *Desk) Hooks() *Hooks { return d.hooks }

// BaseURL is where the desk is reached from outside; "" when the host did not say.
func (d *Desk) BaseURL() string { return d.config.BaseURL }

// Now is the desk's clock.
func (d *Desk) Now() time.Time { return d.clock.Now() }

func (d *Desk) now() Time { return TimeOf(d.clock.Now()) }

// Rest is the route table. The first caller registers core's own routes by
// mount; core/api does, on behalf of the adapters.
func (d *Desk) Rest(mount func(*rest.Owner)) (*rest.Table, error) {
	d.mounted.Do(func() { mount(d.own.rest) })
	return d.rest, d.rest.Err()
}

// Run does what happens by itself: After hooks, jobs, search. It returns when
// ctx ends and everything that was under way has stopped. A desk answers
// requests without Run, but its events wait.
func (d *Desk) Run(ctx context.Context) error {
	d.until = ctx
	for _, h := range d.hosts {
		if !h.on() {
			continue // its OnStart runs when it is switched on
		}
		if err := h.start(ctx); err != nil {
			return fmt.Errorf("core: %w", err)
		}
	}
	if err := d.jobs.start(ctx); err != nil {
		if ctx.Err() != nil { // it was to end before it began
			return d.jobs.stop()
		}
		return fmt.Errorf("core: %w", err)
	}
	d.ready.Store(true)
	context.AfterFunc(ctx, func() { d.ready.Store(false) }) // first of all: no new requests
	d.hooks.Desk.Started.Run(ctx, hooks.Event[DeskSwitched]{Name: "desk.started", At: d.Now(), Data: DeskSwitched{d.now()}})
	d.work(ctx)
	d.ready.Store(false)
	last := context.WithoutCancel(ctx)
	d.hooks.Desk.Stopping.Run(last, hooks.Event[DeskSwitched]{Name: "desk.stopping", At: d.Now(), Data: DeskSwitched{d.now()}})
	return d.jobs.stop()
}

// catchUp reads what other processes have saved.
func (d *Desk) catchUp(ctx context.Context) error {
	return errors.Join(d.Settings.load(ctx), d.Plugins.sync(ctx))
}

// keepUp catches up whenever the log says that there is something to. It is no
// part of following the log: a plugin that is switched off may take its time,
// and handlers and browsers are not to wait for that.
func (d *Desk) keepUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.events.switched:
		}
		if err := d.catchUp(ctx); err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "settings and plugins cannot be brought up to date", "err", err)
			pause(ctx, pollEvery)
			d.events.heed()
		}
	}
}

// work follows the log and delivers from it until ctx ends.
func (d *Desk) work(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { d.events.follow(ctx) })
	wg.Go(func() { d.keepUp(ctx) })
	wg.Go(func() { d.herald.run(ctx) })
	wg.Go(func() { d.streams.run(ctx) })
	d.relay.run(ctx)
	wg.Wait()
}

// Close frees what New opened; the database of core.Open stays the host's to
// close. End Run first.
func (d *Desk) Close() error {
	if d.config.DB == nil {
		return nil
	}
	return release(d.config.DB)
}

// Ready reports whether requests should come to this process: the desk runs and
// its database answers. The error says what is wrong, and since when.
func (d *Desk) Ready(ctx context.Context) error {
	if !d.ready.Load() || !d.streams.feeds() {
		return Errorf(Unavailable, "the desk does not run: the host must call Run, or it is stopping")
	}
	if _, err := d.store.Count(ctx, &Setting{}, Query{Limit: 1}); err != nil {
		d.log.ErrorContext(ctx, "the database does not answer", "err", err)
		return Errorf(Unavailable, "the database does not answer")
	}
	if since := d.events.failingSince(); !since.IsZero() {
		return Errorf(Unavailable, "the event log could not be read since %s", since.UTC().Format(time.RFC3339))
	}
	return nil
}

// guard turns a panic of fn into an error.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// change runs fn in one transaction and, after the commit, lets the events out.
// The idempotency key of the request, if there is one, stands or falls with it.
func (d *Desk) change(ctx context.Context, fn func(context.Context) error) error {
	err := d.store.Tx(ctx, func(ctx context.Context) error {
		if err := d.passFence(ctx); err != nil {
			return err
		}
		if err := fn(ctx); err != nil {
			return err
		}
		return d.keepReceipt(ctx)
	})
	if err == nil {
		d.events.committed()
	}
	return err
}

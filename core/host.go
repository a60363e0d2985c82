package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
)

// host is the Host of one plugin, and of core itself.
type host struct {
	d          *Desk
	id         string
	rank       int
	manifest   Manifest
	plugin     Plugin
	rest       *rest.Owner
	db         *gorm.DB
	starts     []func(context.Context) error
	catalogues []any
	provided   []any
	errs       []error

	again bool // Register runs once more: only hooks are attached
	off   atomic.Bool
	busy  atomic.Int64 // hooks and jobs of the plugin that run
	mu    sync.Mutex
	undo  []func() // what OnDisable was given
}

func (h *host) on() bool { return !h.off.Load() }

func (h *host) wrong(format string, args ...any) {
	h.errs = append(h.errs, fmt.Errorf(format, args...))
}

// PluginID implements hooks.Owner.
func (h *host) PluginID() string { return h.id }

// Rank implements hooks.Owner.
func (h *host) Rank() int { return h.rank }

// OnDisable implements hooks.Owner.
func (h *host) OnDisable(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.undo = append(h.undo, fn)
}

// start runs what the plugin does when the desk does.
func (h *host) start(ctx context.Context) error {
	for _, start := range h.starts {
		if err := guard(func() error { return start(h.As(ctx)) }); err != nil {
			return fmt.Errorf("start of plugin %s: %w", h.id, err)
		}
	}
	return nil
}

// HandlerFailed implements hooks.Watchful.
func (h *host) HandlerFailed(ctx context.Context, f *hooks.Failure) {
	about := []any{"handler", f.Handler, "point", f.Point, "err", f.Err}
	if f.Stack != nil {
		about = append(about, "stack", string(f.Stack))
	}
	h.Log().ErrorContext(ctx, "a handler failed", about...)
}

// InFlight implements hooks.Counted.
func (h *host) InFlight() *atomic.Int64 { return &h.busy }

func (h *host) disable() {
	h.mu.Lock()
	undo := h.undo
	h.undo = nil
	h.mu.Unlock()
	for _, fn := range slices.Backward(undo) {
		fn()
	}
}

func (h *host) Hooks() *Hooks { return h.d.hooks }

func (h *host) Desk() *Desk { return h.d }

func (h *host) DB(ctx context.Context) *gorm.DB {
	if tx := txFrom(ctx); tx != nil {
		return h.Scope(ctx, tx)
	}
	return h.db.Session(&gorm.Session{NewDB: true, Context: ctx})
}

// Scope implements hooks.Transacted: models map to the plugin's own tables.
func (h *host) Scope(ctx context.Context, tx *gorm.DB) *gorm.DB {
	if h.db == nil { // core's own handlers
		return tx.WithContext(ctx)
	}
	db := h.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	db.Statement.ConnPool = tx.Statement.ConnPool
	return db
}

func (h *host) Table(name string) string { return h.d.config.TablePrefix + h.id + "_" + name }

func (h *host) Settings(into any) error { return h.d.Settings.read(h, into) }

func (h *host) Log() *slog.Logger { return h.d.log.With("plugin", h.id) }

func (h *host) Now() time.Time { return h.d.Now() }

func (h *host) Handle(pattern string, p Policy, handler http.Handler) {
	if !h.again {
		h.rest.Handle(pattern, p, handler)
	}
}

func (h *host) Query(pattern, name string, example any, doc string) {
	if !h.again {
		h.rest.Query(pattern, name, example, doc)
	}
}

func (h *host) Expand(pattern, name string, example any, doc string, fn func(context.Context, string) (url.Values, error)) {
	if !h.again {
		h.rest.Expand(pattern, name, example, doc, fn)
	}
}

func (h *host) Use(wrap func(http.Handler) http.Handler) {
	if !h.again {
		h.rest.Use(wrap)
	}
}

func (h *host) Every(name string, d time.Duration, fn func(context.Context) error) {
	if d <= 0 {
		h.wrong("job %q: every %v is not a pause", name, d)
		return
	}
	if !h.again {
		h.d.jobs.add(h, name, every(d), fn)
	}
}

func (h *host) Cron(name, spec string, fn func(context.Context) error) {
	when, err := parseCrontab(spec)
	if err != nil {
		h.wrong("job %q: %w", name, err)
		return
	}
	if !h.again {
		h.d.jobs.add(h, name, when, fn)
	}
}

func (h *host) OnStart(fn func(context.Context) error) {
	if !h.again {
		h.starts = append(h.starts, fn)
	}
}

func (h *host) As(ctx context.Context) context.Context { return asPlugin(ctx, h.id) }

func (h *host) Change(ctx context.Context, fn func(context.Context) error) error {
	return h.d.change(ctx, fn)
}

// Declare adds a plugin's own hook points, a struct of hooks.Action and the
// like, to what the desk delivers to and lists.
func Declare(h Host, catalogue any) {
	own, ok := h.(*host)
	if !ok {
		panic(fmt.Sprintf("core.Declare: %T is not a desk's Host", h)) //nolint:forbidigo // a programmer's mistake, found at start
	}
	if own.again {
		return
	}
	if err := hooks.Check(catalogue); err != nil {
		own.errs = append(own.errs, err)
		return
	}
	own.catalogues = append(own.catalogues, catalogue)
}

// Provide offers a typed service to other plugins: see Lookup.
func Provide(h Host, service any) {
	own, ok := h.(*host)
	if !ok {
		panic(fmt.Sprintf("core.Provide: %T is not a desk's Host", h)) //nolint:forbidigo // a programmer's mistake, found at start
	}
	if !own.again {
		own.provided = append(own.provided, service)
	}
}

// Lookup finds the provided service that implements the interface T, which the
// asker declares. Only services of plugins that are on are found. It is for
// OnStart and later: while plugins register, some have not yet.
func Lookup[T any](h Host) (T, bool) {
	var none T
	own, ok := h.(*host)
	if !ok {
		return none, false
	}
	for _, other := range own.d.hosts {
		for _, s := range other.provided {
			if service, fits := s.(T); fits && other.on() {
				return service, true
			}
		}
	}
	return none, false
}

var pluginIDForm = regexp.MustCompile(`^[a-z][a-z0-9]{1,30}$`)

// gather reads the manifests and puts the plugins in order.
func (d *Desk) gather(context.Context) error {
	d.own = &host{d: d, id: coreID, rest: d.rest.Owner(coreID)}
	d.jobs, d.sorts = &jobs{d: d}, map[string]ticketSort{}
	d.events, d.herald, d.streams = newEventLog(d), newHerald(d), newStreams(d)
	d.relay = newRelay(d)
	d.coreJobs()
	var errs []error
	for _, p := range d.config.Plugins {
		h, err := d.hostOf(p)
		errs = append(errs, err)
		d.hosts = append(d.hosts, h)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return d.sortHosts()
}

// register lets each plugin attach itself, all or nothing.
func (d *Desk) register(context.Context) error {
	var errs []error
	for i, h := range d.hosts {
		h.rank = i + 1
		errs = append(errs, h.register())
	}
	return errors.Join(append(errs, d.rest.RowErr(), hooks.Check(d.hooks), d.refuseWithin())...)
}

func (h *host) register() error {
	err := guard(func() error { return h.plugin.Register(h) })
	err = errors.Join(append([]error{err}, h.errs...)...)
	if err == nil {
		return nil
	}
	h.disable()
	h.rest.Remove()
	return fmt.Errorf("plugin %s: %w", h.id, err)
}

func (d *Desk) hostOf(p Plugin) (*host, error) {
	m := p.Manifest()
	h := &host{d: d, id: m.ID, manifest: m, plugin: p}
	switch {
	case !pluginIDForm.MatchString(m.ID) || m.ID == coreID:
		return h, fmt.Errorf("plugin %q: an id must match %s", m.ID, pluginIDForm)
	case slices.ContainsFunc(d.hosts, func(o *host) bool { return o.id == m.ID }):
		return h, fmt.Errorf("plugin %s stands twice in the list", m.ID)
	case m.Name == "" || m.Doc == "" || !versionForm.MatchString(m.Version):
		return h, fmt.Errorf("plugin %s: its manifest needs a name, a doc and a version such as 1.2.0", m.ID)
	case faultyPermission(m.Permissions) != "":
		return h, fmt.Errorf("plugin %s: the permission %q is not of the form area:read or area:write", m.ID, faultyPermission(m.Permissions))
	case faultyContribution(m.UI) != "":
		return h, fmt.Errorf("plugin %s: UI: %s", m.ID, faultyContribution(m.UI))
	case m.Migrations != nil && d.config.DB == nil:
		return h, fmt.Errorf("plugin %s has tables of its own: the Config needs a DB beside its Store", m.ID)
	}
	h.rest = d.rest.Owner(m.ID)
	return h, errors.Join(h.openDB(), d.Settings.declare(h))
}

// openDB gives the plugin a GORM session in which its models map to its own
// tables, over the desk's connections.
func (h *host) openDB() (err error) {
	if h.d.config.DB == nil {
		return nil
	}
	h.db, err = sibling(h.d.config.DB)
	if err != nil {
		return err
	}
	h.db.NowFunc = h.Now
	h.db.NamingStrategy = schema.NamingStrategy{TablePrefix: h.Table("")}
	return nil
}

// sibling is another GORM over the same connections: it maps models to tables
// on its own.
func sibling(db *gorm.DB) (*gorm.DB, error) {
	if pool, ok := db.Statement.ConnPool.(*sqlitePool); ok {
		return gormSQLite(pool)
	}
	return gormPostgres(db.Statement.ConnPool)
}

// refuseWithin turns down handlers that want to write into the transaction of
// a foreign Store, which has none that GORM could join.
func (d *Desk) refuseWithin() error {
	if !d.foreign() {
		return nil
	}
	var errs []error
	for _, p := range d.Points() {
		for _, h := range p.Handlers() {
			if p.Kind() == "within" {
				errs = append(errs, fmt.Errorf("plugin %s writes into the desk's transaction at %s: "+
					"that needs the desk on GORM, not on a Store of the host's", h.Plugin, p.Point().Name))
			}
		}
	}
	return errors.Join(errs...)
}

func parseID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%q is not an id", text)
	}
	return id, nil
}

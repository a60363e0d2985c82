package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
)

// host is the core.Host of a plugin in a process of its own. It keeps what
// Register attaches, for Describe to tell the desk, and carries the rest across.
type host struct {
	manifest  core.Manifest
	hooks     *core.Hooks
	points    map[string]hooks.Inspector
	consumers map[string]hooks.Consumer // by name
	far       []farHandler              // at points that this process has no types of
	rest      *rest.Table
	jobs      []job
	starts    []func(context.Context) error
	clock     clockwork.Clock
	link      *link
	log       *slog.Logger
	errs      []error

	mu       sync.Mutex
	undo     []func()
	settings json.RawMessage
}

type job struct {
	name  string
	every time.Duration
	cron  string
	fn    func(context.Context) error
}

func newHost(p core.Plugin) (*host, error) {
	h := &host{manifest: p.Manifest(), hooks: core.NewHooks(), points: map[string]hooks.Inspector{}, clock: clockwork.NewRealClock(), link: &link{}}
	h.log = slog.New(&logHandler{link: h.link})
	h.rest = rest.New(rest.Options{Identify: h.identify, Log: h.log})
	for _, point := range hooks.Walk(h.hooks) {
		h.points[point.Point().Name] = point
	}
	if h.manifest.Migrations != nil {
		h.notCarried("tables (Manifest.Migrations); keep values in Host.KV")
	}
	err := guard(func() error { return p.Register(h) })
	h.consumers = consumersOf(h.points)
	return h, errors.Join(append([]error{err, h.rest.RowErr(), h.refuseWithin()}, h.errs...)...)
}

func consumersOf(points map[string]hooks.Inspector) map[string]hooks.Consumer {
	out := map[string]hooks.Consumer{}
	for _, point := range points {
		if l, ok := point.(hooks.Listener); ok {
			for _, c := range l.Consumers() {
				out[c.Name()] = c
			}
		}
	}
	return out
}

// refuseWithin turns down handlers that want the desk's transaction.
func (h *host) refuseWithin() error {
	for _, p := range h.points {
		if p.Kind() == "within" && len(p.Handlers()) > 0 {
			return fmt.Errorf("plugin %s: %s runs inside the desk's transaction, which does not cross to another process", h.manifest.ID, p.Point().Name)
		}
	}
	return nil
}

// notCarried notes that the plugin wants what does not cross the border.
func (h *host) notCarried(what string) {
	h.errs = append(h.errs, fmt.Errorf("plugin %s: in a process of its own it cannot have %s", h.manifest.ID, what))
}

// unreachable is a panic, of which the handler that causes it dies alone.
func unreachable(what string) {
	panic("sdk: " + what + " does not cross to a plugin's own process: use Host.API and Host.KV") //nolint:forbidigo // recovered with the handler
}

func (h *host) PluginID() string { return h.manifest.ID }

func (h *host) Rank() int { return 1 }

func (h *host) OnDisable(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.undo = append(h.undo, fn)
}

func (h *host) Hooks() *core.Hooks { return h.hooks }

func (h *host) Desk() *core.Desk { unreachable("Host.Desk"); return nil }

func (h *host) DB(context.Context) *gorm.DB { unreachable("Host.DB"); return nil }

func (h *host) Table(string) string { unreachable("Host.Table"); return "" }

func (h *host) Change(context.Context, func(context.Context) error) error {
	return errors.New("sdk: Host.Change does not cross to a plugin's own process")
}

func (h *host) Once(context.Context, int64, string, func(context.Context) error) error {
	return errors.New("sdk: Host.Once does not cross to a plugin's own process: remember the event's id in Host.KV")
}

func (h *host) Settings(into any) error {
	if h.manifest.Settings == nil {
		return fmt.Errorf("plugin %s: the manifest has no settings", h.manifest.ID)
	}
	if reflect.TypeOf(into) != reflect.PointerTo(reflect.TypeOf(h.manifest.Settings)) {
		return fmt.Errorf("plugin %s: settings are read into a *%T, not a %T", h.manifest.ID, h.manifest.Settings, into)
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(h.manifest.Settings))
	h.mu.Lock()
	now := h.settings
	h.mu.Unlock()
	if len(now) == 0 {
		return nil
	}
	return json.Unmarshal(now, into)
}

func (h *host) Log() *slog.Logger { return h.log }

func (h *host) Now() time.Time { return h.clock.Now() }

func (h *host) Handle(pattern string, p core.Policy, handler http.Handler) {
	h.rest.Owner(h.manifest.ID).Handle(pattern, p, handler)
}

func (h *host) Query(pattern, name string, _ any, _ string) {
	h.notCarried(fmt.Sprintf("the query parameter %s of %s", name, pattern))
}

func (h *host) Expand(pattern, name string, _ any, _ string, _ func(context.Context, string) (url.Values, error)) {
	h.notCarried(fmt.Sprintf("the query parameter %s of %s", name, pattern))
}

func (h *host) Sort(name string, _ core.TicketSort) { h.notCarried("the sort " + name) }

func (h *host) Use(func(http.Handler) http.Handler) {
	h.notCarried("middleware around the desk's routes")
}

func (h *host) Every(name string, d time.Duration, fn func(context.Context) error) {
	h.jobs = append(h.jobs, job{name: name, every: d, fn: fn})
}

func (h *host) Cron(name, spec string, fn func(context.Context) error) {
	h.jobs = append(h.jobs, job{name: name, cron: spec, fn: fn})
}

func (h *host) KV() core.KV { return remoteKV{h.link} }

func (h *host) API() http.Handler { return remoteAPI{h.link} }

func (h *host) OnStart(fn func(context.Context) error) { h.starts = append(h.starts, fn) }

func (h *host) As(ctx context.Context) context.Context {
	return core.As(ctx, core.Actor{Kind: core.Admin, Plugin: h.manifest.ID})
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

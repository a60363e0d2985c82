package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
)

// Plugins is the service of the plugins of the list.
type Plugins struct{ d *Desk }

// PluginState is a plugin as an admin sees it.
type PluginState struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Doc      string   `json:"doc"`
	Requires []string `json:"requires"`
	Enabled  bool     `json:"enabled"`
	// Permissions are what the plugin may do through Host.API.
	Permissions []string `json:"permissions" doc:"what the plugin asks for, such as tickets:read"`
	// Process is that of a plugin which runs in one of its own.
	Process *Process `json:"process,omitempty" doc:"of a plugin that runs in a process of its own, as this replica sees it"`
}

// pluginSwitch is the row that keeps a plugin off, or on, over restarts.
type pluginSwitch struct {
	ID      string
	Version string
	Enabled bool
	At      Time
}

func (pluginSwitch) table() string { return "plugins" }

// List returns the plugins in dependency order. Admins only.
func (s Plugins) List(ctx context.Context) ([]PluginState, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return nil, err
	}
	out := make([]PluginState, 0, len(s.d.hosts))
	for _, h := range s.d.hosts {
		out = append(out, h.state())
	}
	return out, nil
}

func (h *host) state() PluginState {
	m := h.manifest
	out := PluginState{
		ID: m.ID, Name: m.Name, Version: m.Version, Doc: m.Doc, Requires: []string{}, Enabled: h.on(), Permissions: append([]string{}, m.Permissions...),
	}
	if s, ok := h.plugin.(Supervised); ok {
		p := s.Process()
		out.Process = &p
	}
	for _, need := range m.Requires {
		out.Requires = append(out.Requires, need.Plugin)
	}
	return out
}

// Switch turns a plugin on or off while the desk runs, and keeps it so over
// restarts: off, its routes answer 404, its hooks and jobs rest, its data
// stays. It fails with Conflict when another plugin that is on requires it, or
// when it requires one that is off. Admins only.
func (s Plugins) Switch(ctx context.Context, id string, on bool) (PluginState, error) {
	d := s.d
	if err := d.can(ctx, Administer, nil); err != nil {
		return PluginState{}, err
	}
	i := slices.IndexFunc(d.hosts, func(h *host) bool { return h.id == id })
	if i < 0 {
		return PluginState{}, Errorf(NotFound, "no plugin %q", id)
	}
	h := d.hosts[i]
	d.switching.Lock()
	defer d.switching.Unlock()
	if h.on() == on {
		return h.state(), nil
	}
	if err := s.dependencies(h, on); err != nil {
		return h.state(), err
	}
	if err := s.keep(ctx, h, on); err != nil {
		return h.state(), err
	}
	err := s.apply(ctx, h, on)
	return h.state(), err
}

// apply switches a plugin in this process, and tells those who listen here.
func (s Plugins) apply(ctx context.Context, h *host, on bool) error {
	if err := h.turn(on); err != nil {
		return err
	}
	if err := s.d.relay.enrol(ctx); err != nil {
		return err
	}
	if on && s.d.ready.Load() {
		if err := h.start(s.d.until); err != nil {
			return errors.Join(err, h.turn(false))
		}
	}
	name, point := switchEvent(on), &s.d.hooks.Plugin.Enabled
	if !on {
		point = &s.d.hooks.Plugin.Disabled
		s.drain(ctx, h)
	}
	point.Run(ctx, hooks.Event[PluginSwitched]{Name: name, At: s.d.Now(), Actor: ActorFrom(ctx).hooked(), Data: PluginSwitched{h.id}})
	return nil
}

// The events that tell the other processes to look at the plugins' rows.
const pluginEnabled, pluginDisabled = "plugin.enabled", "plugin.disabled"

func switchEvent(on bool) string {
	if on {
		return pluginEnabled
	}
	return pluginDisabled
}

// drainTime is how long a plugin that is switched off may take to finish what it
// has begun.
const drainTime = 10 * time.Second

// drain waits until nothing of a plugin that is off runs any more.
func (s Plugins) drain(ctx context.Context, h *host) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	s.d.relay.drain(ctx, h.id)
	for h.busy.Load()+h.rest.Busy() > 0 {
		if pause(ctx, time.Millisecond); ctx.Err() != nil {
			s.d.log.WarnContext(ctx, "a plugin that was switched off still runs", "plugin", h.id, "after", drainTime)
			return
		}
	}
}

// sync switches the plugins of this process as their rows say, which another
// process may have written.
func (s Plugins) sync(ctx context.Context) error {
	s.d.switching.Lock()
	defer s.d.switching.Unlock()
	rows, err := find[pluginSwitch](ctx, s.d.store, Query{Limit: maxList})
	if err != nil {
		return err
	}
	off := map[string]bool{}
	for _, r := range rows {
		off[r.ID] = !r.Enabled
	}
	var errs []error
	for _, h := range s.d.hosts {
		if h.on() == off[h.id] {
			errs = append(errs, s.apply(asPlugin(ctx, coreID), h, !off[h.id]))
		}
	}
	return errors.Join(errs...)
}

func (s Plugins) dependencies(h *host, on bool) error {
	for _, other := range s.d.hosts {
		for _, need := range other.manifest.Requires {
			if !on && need.Plugin == h.id && other.on() {
				return Errorf(Conflict, "plugin %s requires %s: switch it off first", other.id, h.id)
			}
		}
		for _, need := range h.manifest.Requires {
			if on && need.Plugin == other.id && !other.on() {
				return Errorf(Conflict, "plugin %s requires %s: switch it on first", h.id, other.id)
			}
		}
	}
	return nil
}

func (s Plugins) keep(ctx context.Context, h *host, on bool) error {
	row := pluginSwitch{ID: h.id, Version: h.manifest.Version, Enabled: on, At: s.d.now()}
	return s.d.change(ctx, func(ctx context.Context) error {
		rows, err := update[pluginSwitch](ctx, s.d.store, []Assign{Set("enabled", on), Set("version", row.Version), Set("at", row.At)}, Is("id", h.id))
		if err == nil && len(rows) == 0 {
			err = s.d.store.Insert(ctx, &row)
		}
		if err != nil {
			return err
		}
		return s.d.writeEvent(ctx, switchEvent(on), 0, AdminsOnly, PluginSwitched{h.id})
	})
}

// turn switches routes, jobs and hooks. Hooks are taken away and attached
// again: Register runs once more, with everything but hooks left as it is.
func (h *host) turn(on bool) error {
	if !on {
		h.off.Store(true)
		h.rest.Switch(false)
		h.disable()
		return nil
	}
	h.again = true
	if err := guard(func() error { return h.plugin.Register(h) }); err != nil {
		h.disable()
		return err
	}
	h.off.Store(false)
	h.rest.Switch(true)
	return nil
}

// restoreSwitches makes the plugins rest that were switched off before the
// restart.
func (d *Desk) restoreSwitches(ctx context.Context) error {
	rows, err := find[pluginSwitch](ctx, d.store, Query{Limit: maxList})
	if err != nil {
		return err
	}
	for _, r := range rows {
		for _, h := range d.hosts {
			if h.id == r.ID && !r.Enabled {
				_ = h.turn(false) // off cannot fail
			}
		}
	}
	return d.Settings.load(ctx)
}

// HookPoint is a point of the catalogue with who hooks it.
type HookPoint struct {
	hooks.Point
	Kind     string              `json:"kind"`
	Handlers []hooks.HandlerInfo `json:"handlers"`
}

// Points are the hook points of the desk: core's, and then those that its plugins
// have declared so far. All are there from OnStart on; while plugins register, those
// of the plugins before.
func (d *Desk) Points() []hooks.Inspector {
	points := hooks.Walk(d.hooks)
	for _, h := range d.hosts {
		for _, own := range h.catalogues {
			points = append(points, hooks.Walk(own)...)
		}
	}
	return points
}

// Hooked lists every hook point, core's and the plugins', with its handlers in
// order and their statistics. Admins only.
func (s Plugins) Hooked(ctx context.Context) ([]HookPoint, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return nil, err
	}
	points := s.d.Points()
	out := make([]HookPoint, 0, len(points))
	for _, p := range points {
		out = append(out, HookPoint{Point: p.Point(), Kind: p.Kind(), Handlers: p.Handlers()})
	}
	return out, nil
}

// coreJobs are what the desk does by itself.
func (d *Desk) coreJobs() {
	d.own.Every("purge", time.Hour, d.Tickets.purge)
	d.own.Every("sweep-files", 10*time.Minute, d.Attachments.sweep)
	d.own.Every("expire-guests", time.Hour, d.Guests.expire)
	d.own.Every("expire-answers", 10*time.Minute, receipts{d}.expire)
	d.own.Every("expire-values", 10*time.Minute, d.expireValues)
}

func (d *Desk) restOptions() rest.Options {
	return rest.Options{
		Identify: d.enter, Log: d.log, Title: "Hookdesk", Version: "1", Translate: translate, Receipts: receipts{d},
		TrustedOrigins: originOf(d.config.BaseURL),
	}
}

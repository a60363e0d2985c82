// Package savedviews keeps lists of tickets under a name: filters, a sort and
// columns, for oneself, for departments or for everybody at the desk. A view is
// opened by GET /api/tickets?view=7, and counted with others at once.
//
//	core.New(core.Config{DB: db, Plugins: []core.Plugin{savedviews.New(savedviews.Config{})}})
package savedviews

import (
	"context"
	"embed"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config holds the defaults of the plugin's settings, which an admin may change.
// The zero value works.
type Config struct {
	AgentsShare bool // agents, too, share views with everybody; else admins only
}

// Settings are what an admin may change while the desk runs.
type Settings struct {
	AgentsShare bool `json:"agents_share" doc:"agents, too, may share views with everybody at the desk; otherwise only admins do"`
}

// Plugin is saved views, for one desk.
type Plugin struct {
	// Hooks are where others take part.
	Hooks    Hooks
	settings Settings
	service  *Views
}

// New makes the plugin.
func New(c Config) *Plugin {
	p := &Plugin{settings: Settings(c)}
	p.Hooks.declare()
	return p
}

// Manifest implements core.Plugin.
func (p *Plugin) Manifest() core.Manifest {
	return core.Manifest{
		ID: "savedviews", Name: "Saved views", Version: "1.0.0",
		Doc:        "Keeps lists of tickets under a name, for one agent, for departments or for all.",
		Settings:   p.settings,
		Migrations: migrations,
	}
}

const tickets = "GET /api/tickets"

// Register implements core.Plugin.
func (p *Plugin) Register(h core.Host) error {
	s := p.views(h)
	core.Declare(h, &p.Hooks)
	core.Provide(h, s)

	h.Handle("GET /api/views", core.Agents, core.JSON(s.listViews, core.Doc("The views that you may open, in your order.")))
	h.Handle("POST /api/views", core.Agents, core.JSON(s.createView, core.StatusCode(201), core.Doc("Save a view.")))
	h.Handle("POST /api/views/reorder", core.Agents, core.JSON(s.reorderViews, core.Doc("Put views into an order of your own; those left out follow.")))
	h.Handle("GET /api/views/counts", core.Agents, core.JSON(s.countViews, core.Doc("How many tickets views show you, each up to 99.")))
	h.Handle("GET /api/views/counts/stream", core.Agents, core.Stream(s.streamCounts, core.Gives("text/event-stream"),
		core.Doc("Counts as Server-Sent Events: all at first, then those that change.")))
	h.Handle("GET /api/views/{id}", core.Agents, core.JSON(s.getView, core.Doc("A view.")))
	h.Handle("PATCH /api/views/{id}", core.Agents, core.JSON(s.patchView, core.Doc("Change a view of yours; admins change shared ones too.")))
	h.Handle("DELETE /api/views/{id}", core.Agents, core.JSON(s.deleteView, core.Doc("Delete a view of yours; admins delete shared ones too.")))

	h.Expand(tickets, "view", int64(1), "a view's id, instead of its filters and sort; a parameter that is given beside it replaces the view's; agents only", s.expand)
	h.Hooks().Ticket.List.Add(h, "match-nothing", s.matchNothing)
	h.OnStart(s.seed)

	forget := func(context.Context, hooks.Event[core.PluginSwitched]) error { s.memory.forget(true); return nil }
	h.Hooks().Plugin.Enabled.Add(h, "count-anew", forget)
	h.Hooks().Plugin.Disabled.Add(h, "count-anew", forget)
	h.Hooks().Desk.Stopping.Add(h, "end-counts", func(context.Context, hooks.Event[core.DeskSwitched]) error { s.live.end(); return nil })
	h.OnStart(s.live.begin)
	h.OnDisable(s.live.end)
	return nil
}

// views makes the service, once for a desk: Register runs again when the plugin is switched
// on, and what routes have must go on to be what hooks have.
func (p *Plugin) views(h core.Host) *Views {
	if p.service == nil || p.service.host != h {
		p.service = &Views{host: h, hooks: &p.Hooks}
		p.service.memory = newMemory(p.service.now)
		p.service.live = &live{s: p.service}
	}
	return p.service
}

// Package sla keeps the promises that a desk makes about time: policies say how
// soon a ticket gets its first response, its next one and its resolution, in
// business hours or in all hours, by priority. Clocks start and stop with the
// ticket itself, in its transactions; the plugin warns before a promise breaks,
// tells when it has, and explains each due time.
//
//	core.New(core.Config{DB: db, Plugins: []core.Plugin{sla.New(sla.Config{})}})
//
// course.go is the heart: what happens to a ticket, and what becomes of its
// clocks, without a database. worktime is how time is counted.
package sla

import (
	"embed"
	"fmt"
	"slices"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config holds the defaults of the plugin's settings, which an admin may change.
// The zero value works.
type Config struct {
	WarnAt []int // percentages of a target at which is warned; nil: 50, 75, 90
}

// Settings are what an admin may change while the desk runs.
type Settings struct {
	WarnAt            []int  `json:"warn_at" max:"10" doc:"percentages of a target at which is warned, rising, each 1 to 99"`
	PauseWhileSnoozed bool   `json:"pause_while_snoozed" doc:"clocks rest while a ticket sleeps"`
	EscalateStatus    bool   `json:"escalate_status" doc:"a broken promise makes the ticket escalated"`
	EscalateTo        int64  `json:"escalate_to" min:"0" doc:"the agent who gets a ticket whose promise is broken; 0: nobody else"`
	BreachNote        string `json:"breach_note" max:"2000" doc:"a note that is put on a ticket whose promise is broken; empty: none"`
}

// check judges what no tag can say.
func (v Settings) check() error {
	for i, percent := range v.WarnAt {
		if percent < 1 || percent >= past || i > 0 && percent <= v.WarnAt[i-1] {
			return fmt.Errorf("warnings are at rising percentages from 1 to %d, not %v", past-1, v.WarnAt)
		}
	}
	return nil
}

// Plugin is service levels, for one desk.
type Plugin struct {
	// Hooks are where others take part.
	Hooks    Hooks
	settings Settings
	levels   Levels
}

// New makes the plugin. What is wrong with c fails the start of the desk.
func New(c Config) *Plugin {
	p := &Plugin{settings: Settings{WarnAt: slices.Clone(c.WarnAt), PauseWhileSnoozed: true}}
	if c.WarnAt == nil {
		p.settings.WarnAt = []int{50, 75, 90}
	}
	p.Hooks.declare()
	return p
}

// Manifest implements core.Plugin.
func (p *Plugin) Manifest() core.Manifest {
	return core.Manifest{
		ID: "sla", Name: "Service levels", Version: "1.0.0",
		Doc:        "Promises response and resolution times, warns before they break, and explains them.",
		Settings:   p.settings,
		Migrations: migrations,
	}
}

// Register implements core.Plugin.
func (p *Plugin) Register(h core.Host) error {
	if err := p.settings.check(); err != nil {
		return err
	}
	s := &p.levels
	if s.host == nil { // Register runs again when the plugin is switched on again
		s.host, s.hooks, s.book.s = h, &p.Hooks, s
	}
	core.Declare(h, &p.Hooks)
	core.Provide(h, s)

	s.follow(h)
	h.Hooks().Setting.Save.Before.Add(h, "check-settings", s.checkSettings)
	h.Hooks().Ticket.List.Add(h, "filter", s.filter)
	h.Hooks().Ticket.Show.Add(h, "show", s.show)
	p.Hooks.Breach.Add(h, "escalate", s.escalate)
	s.routes(h)
	h.Query("GET /api/tickets", "sla", Due, "agents: what is promised about the ticket")
	h.Sort("sla_due", core.TicketSort{Table: "promises", Key: "ticket_id", Column: "due_at"})
	h.Every("watch", time.Second, s.Ring)
	return nil
}

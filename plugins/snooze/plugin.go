// Package snooze lets agents put a ticket to sleep. A sleeping ticket is out of
// the agents' lists until its time comes, its requester answers, or an agent
// wakes it; then it stands on top of them again. Its requester sees nothing of
// all this.
//
//	core.New(core.Config{DB: db, Plugins: []core.Plugin{snooze.New(snooze.Config{})}})
//
// It is also the plugin to copy. Register is its table of contents: what is not
// in there does not exist.
package snooze

import (
	"cmp"
	"embed"
	"fmt"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config holds the defaults of the plugin's settings, which an admin may change.
// The zero value works.
type Config struct {
	DayStartsAt TimeOfDay // when "tomorrow" and "next_week" end; default "09:00"
	MaxDays     int       // how many days a ticket may sleep; default 365
}

// Settings are what an admin may change while the desk runs.
type Settings struct {
	DayStartsAt TimeOfDay `json:"day_starts_at" doc:"when tomorrow and next_week end, in the agent's time zone, such as 09:00"`
	MaxDays     int       `json:"max_days" min:"1" max:"3650" doc:"how many days a ticket may sleep"`
}

func (s Settings) check() error {
	if err := s.DayStartsAt.check(); err != nil {
		return fmt.Errorf("the Config's DayStartsAt: %w", err)
	}
	if s.MaxDays < 1 || s.MaxDays > mostDays {
		return fmt.Errorf("the Config's MaxDays: must be 1 to %d, not %d", mostDays, s.MaxDays)
	}
	return nil
}

const mostDays = 3650 // as the tag says

// Plugin is snoozing, for one desk.
type Plugin struct {
	// Hooks are where others take part.
	Hooks    Hooks
	settings Settings
}

// New makes the plugin. What is wrong with c fails the start of the desk.
func New(c Config) *Plugin {
	p := &Plugin{settings: Settings{cmp.Or(c.DayStartsAt, "09:00"), cmp.Or(c.MaxDays, 365)}}
	p.Hooks.declare()
	return p
}

// Manifest implements core.Plugin.
func (p *Plugin) Manifest() core.Manifest {
	return core.Manifest{
		ID: "snooze", Name: "Snooze", Version: "1.0.0",
		Doc:        "Puts tickets to sleep until a time or until the requester answers.",
		Settings:   p.settings,
		Migrations: migrations,
	}
}

// Register implements core.Plugin.
func (p *Plugin) Register(h core.Host) error {
	if err := p.settings.check(); err != nil {
		return err
	}
	s := &Snoozes{host: h, hooks: &p.Hooks}
	core.Declare(h, &p.Hooks)
	core.Provide(h, s)

	on := h.Hooks()
	on.Ticket.List.Add(h, "hide-snoozed", s.hideSnoozed)
	on.Ticket.Show.Add(h, "show-snooze", s.showSnooze)
	on.Reply.Add.Within.Add(h, "wake-on-answer", s.wakeOnAnswer)
	on.Ticket.Status.Within.Add(h, "clear-when-done", s.clearWhenDone)
	on.Ticket.Merge.Within.Add(h, "clear-merged", s.clearMerged)
	on.Ticket.Delete.Within.Add(h, "clear-deleted", s.clearDeleted)

	h.Handle("GET /api/tickets/{id}/snooze", core.Agents, core.JSON(s.getSnooze, core.Doc("How a ticket sleeps, and how it slept before.")))
	h.Handle("PUT /api/tickets/{id}/snooze", core.Agents, core.JSON(s.putSnooze, core.Doc("Put a ticket to sleep, or change until when.")))
	h.Handle("DELETE /api/tickets/{id}/snooze", core.Agents, core.JSON(s.deleteSnooze, core.Doc("Wake a ticket; one that is awake stays so.")))
	h.Query("GET /api/tickets", "snoozed", Only, "agents see tickets that sleep only when they ask: only, or include them")

	h.Every("wake", 30*time.Second, s.wakeDue)
	return nil
}

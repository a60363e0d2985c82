package sla

import (
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// Hooks are the points at which others take part, such as a plugin that calls
// whoever is on duty:
//
//	levels.Hooks.Breach.Add(h, "call", n.call)
//
// They are told after the commit, at least once, and in order for a ticket.
type Hooks struct {
	Warn   hooks.After[Alarm] // a part of a target has passed
	Breach hooks.After[Alarm] // a promise was broken
	Pause  hooks.After[Rest]  // the clocks of a ticket rest
	Resume hooks.After[Rest]  // they run again
}

// Alarm tells of a clock that has come to a part of its target, or past it.
type Alarm struct {
	Ticket     core.Ticket `json:"ticket"`
	AssigneeID *int64      `json:"assignee_id" doc:"the person to tell; null when the ticket is nobody's"`
	PolicyID   int64       `json:"policy_id"`
	Policy     string      `json:"policy"`
	Kind       Kind        `json:"kind"`
	Percent    int         `json:"percent" doc:"of the target; 100: broken"`
	At         core.Time   `json:"at" doc:"when that was, even when it is told later"`
	DueAt      *core.Time  `json:"due_at" doc:"null when the clock rests"`
	Minutes    int         `json:"minutes" doc:"the target"`
}

// Rest tells of clocks that rest, or have rested.
type Rest struct {
	Ticket core.Ticket `json:"ticket"`
	Why    string      `json:"why" doc:"status, snoozed, deleted or merged"`
	Since  core.Time   `json:"since"`
	Until  *core.Time  `json:"until" doc:"null while it lasts"`
}

func (h *Hooks) declare() {
	h.Warn.Declare(hooks.Point{Name: "sla.warned", Doc: "A part of a ticket's target has passed, as the setting warn_at says."})
	h.Breach.Declare(hooks.Point{Name: "sla.breached", Doc: "A ticket's target has passed, and what was promised has not happened."})
	h.Pause.Declare(hooks.Point{Name: "sla.paused", Doc: "The clocks of a ticket rest."})
	h.Resume.Declare(hooks.Point{Name: "sla.resumed", Doc: "The clocks of a ticket run again."})
}

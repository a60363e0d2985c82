package snooze

import (
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// Hooks are the points at which others take part, such as a plugin that tells
// the assignee:
//
//	snoozing.Hooks.Wake.After.Add(h, "tell-assignee", n.tell)
type Hooks struct {
	// Set is a ticket put to sleep. A Before handler may refuse it, or change
	// Until and Reason.
	Set hooks.Action[Draft, Snoozed]
	// Wake is a ticket woken. A Before handler may refuse what an agent asks for;
	// when the time has come, its refusal holds until the next look, half a minute
	// later. An answer wakes in the transaction of the reply, and what ends a
	// ticket clears its snooze in the same way: there, nobody is asked before.
	Wake hooks.Action[Waking, Woken]
}

// Draft is a snooze about to be set.
type Draft struct {
	Ticket core.Ticket `json:"ticket"`
	Until  core.Time   `json:"until"`
	Reason string      `json:"reason"`
}

// Snoozed is the event of a ticket put to sleep.
type Snoozed struct {
	Ticket   core.Ticket `json:"ticket"`
	Snooze   Snooze      `json:"snooze"`
	Replaced *Snooze     `json:"replaced" doc:"the snooze that this one ended"`
}

// Waking is a ticket about to be woken.
type Waking struct {
	Ticket core.Ticket `json:"ticket"`
	Snooze Snooze      `json:"snooze"`
	Why    Why         `json:"why"`
}

// Woken is the event of a ticket that woke; Snooze says why, who had put it to
// sleep and when.
type Woken struct {
	Ticket     core.Ticket `json:"ticket"`
	Snooze     Snooze      `json:"snooze"`
	AssigneeID *int64      `json:"assignee_id" doc:"the person to tell; null when the ticket is nobody's"`
}

func (h *Hooks) declare() {
	const patience = 5 * time.Second
	h.Set.Declare(hooks.Point{
		Name: "snooze.set", Timeout: patience, Writable: []string{"until", "reason"},
		Doc: "An agent puts a ticket to sleep.",
	}, "snooze.set")
	h.Wake.Declare(hooks.Point{
		Name: "snooze.wake", Timeout: patience,
		Doc: "A ticket wakes: its time has come, its requester answered, or it was woken or ended by hand.",
	}, "snooze.woken")
}

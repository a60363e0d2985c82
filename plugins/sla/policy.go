package sla

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

// Kind is what a clock measures.
type Kind string

// The kinds. A first response ends with the first public reply of an agent; a
// next response begins with a requester's reply and ends with an agent's; a
// resolution ends when the ticket is resolved or closed.
const (
	FirstResponse Kind = "first_response"
	NextResponse  Kind = "next_response"
	Resolution    Kind = "resolution"
)

// Values lists the kinds.
func (Kind) Values() []string {
	return []string{string(FirstResponse), string(NextResponse), string(Resolution)}
}

// Hours says in which time a target counts.
type Hours string

// The times: of the policy's calendar, or all of it.
const (
	Business Hours = "business"
	AllHours Hours = "calendar"
)

// Values lists the times.
func (Hours) Values() []string { return []string{string(Business), string(AllHours)} }

// Target is how long something may take.
type Target struct {
	Minutes int   `json:"minutes" min:"1" max:"525600"`
	Hours   Hours `json:"hours,omitempty" default:"business" doc:"business needs a calendar; calendar counts all hours"`
}

// Targets are those of one priority; what is missing is not promised.
type Targets struct {
	FirstResponse *Target `json:"first_response,omitempty"`
	NextResponse  *Target `json:"next_response,omitempty"`
	Resolution    *Target `json:"resolution,omitempty"`
}

// PerPriority are the targets by priority.
type PerPriority struct {
	Low      *Targets `json:"low,omitempty"`
	Medium   *Targets `json:"medium,omitempty"`
	High     *Targets `json:"high,omitempty"`
	Urgent   *Targets `json:"urgent,omitempty"`
	Critical *Targets `json:"critical,omitempty"`
}

func (p PerPriority) all() []*Targets {
	return []*Targets{p.Low, p.Medium, p.High, p.Urgent, p.Critical}
}

// of finds a target; nil is none.
func (p PerPriority) of(priority core.Priority, kind Kind) *Target {
	t := p.all()[priority]
	if t == nil {
		return nil
	}
	switch kind {
	case FirstResponse:
		return t.FirstResponse
	case NextResponse:
		return t.NextResponse
	case Resolution:
	}
	return t.Resolution
}

// Conditions say for which tickets a policy is. Values of one are alternatives;
// an empty one is no condition.
type Conditions struct {
	Priorities  []core.Priority `json:"priorities,omitempty" max:"5"`
	Types       []string        `json:"types,omitempty" max:"20"`
	Departments []int64         `json:"departments,omitempty" max:"50"`
	Tags        []int64         `json:"tags,omitempty" max:"50"`
	Requesters  []int64         `json:"requesters,omitempty" max:"200" doc:"people's ids"`
}

// match reports whether the conditions hold, and says what of them did.
func (c Conditions) match(t core.Ticket, tags []int64) (why string, ok bool) {
	var said []string
	say := func(some bool, holds bool, what string, value any) bool {
		if some && holds {
			said = append(said, fmt.Sprintf("%s %v", what, value))
		}
		return !some || holds
	}
	department := int64(0)
	if t.DepartmentID != nil {
		department = *t.DepartmentID
	}
	tagged := slices.IndexFunc(tags, func(id int64) bool { return slices.Contains(c.Tags, id) })
	tag := int64(0)
	if tagged >= 0 {
		tag = tags[tagged]
	}
	ok = say(c.Priorities != nil, slices.Contains(c.Priorities, t.Priority), "priority", t.Priority) &&
		say(c.Types != nil, slices.Contains(c.Types, t.Type), "type", t.Type) &&
		say(c.Departments != nil, slices.Contains(c.Departments, department), "department", department) &&
		say(c.Tags != nil, tagged >= 0, "tag", tag) &&
		say(c.Requesters != nil, slices.Contains(c.Requesters, t.RequesterID), "requester", t.RequesterID)
	if len(said) == 0 {
		said = []string{"every ticket"}
	}
	return strings.Join(said, ", "), ok
}

// Terms are what a policy promises, and to whom.
type Terms struct {
	Conditions Conditions    `json:"conditions,omitzero" doc:"of the default policy: none"`
	PauseIn    []core.Status `json:"pause_in,omitzero" max:"8" doc:"statuses in which clocks rest; left out: waiting_on_customer"`
	Targets    PerPriority   `json:"targets"`
}

// check judges the terms by themselves.
func (t *Terms) check(isDefault bool, calendar *int64) error {
	c := t.Conditions
	if none := len(c.Priorities)+len(c.Types)+len(c.Departments)+len(c.Tags)+len(c.Requesters) == 0; isDefault && !none {
		return core.InvalidField("conditions", "the default policy is for what no other one is for: it has no conditions")
	}
	if slices.ContainsFunc(t.PauseIn, core.Status.Done) {
		return core.InvalidField("pause_in", "clocks stop when a ticket is resolved or closed; they cannot rest then")
	}
	promised := false
	for _, one := range t.Targets.all() {
		if one == nil {
			continue
		}
		for _, target := range []*Target{one.FirstResponse, one.NextResponse, one.Resolution} {
			if target == nil {
				continue
			}
			promised = true
			if target.Hours == Business && calendar == nil {
				return core.InvalidField("calendar_id", "targets in business hours need a calendar")
			}
		}
	}
	if !promised {
		return core.InvalidField("targets", "promise something: a target for a priority at least")
	}
	return nil
}

// fill makes of what was left out, or is empty, what it means.
func (t *Terms) fill() {
	if t.PauseIn == nil {
		t.PauseIn = []core.Status{core.StatusWaitingOnCustomer}
	}
	c := &t.Conditions
	for _, list := range []*[]int64{&c.Departments, &c.Tags, &c.Requesters} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(c.Priorities) == 0 {
		c.Priorities = nil
	}
	if len(c.Types) == 0 {
		c.Types = nil
	}
}

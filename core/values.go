package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hookdesk/hookdesk/rest"
)

// Status is where a ticket stands. JSON carries the name; requests may use
// name or number.
type Status int8

// The eight statuses.
const (
	StatusOpen Status = iota
	StatusInProgress
	StatusWaitingOnCustomer
	StatusWaitingOnAgent
	StatusEscalated
	StatusResolved
	StatusClosed
	StatusReopened
)

var statusNames = []string{"open", "in_progress", "waiting_on_customer", "waiting_on_agent", "escalated", "resolved", "closed", "reopened"}

// transitions says which status may follow which. A closed ticket can only be
// reopened; reopened is never chosen for a ticket that is still open.
var transitions = map[Status][]Status{
	StatusOpen:              {StatusInProgress, StatusWaitingOnCustomer, StatusWaitingOnAgent, StatusEscalated, StatusResolved, StatusClosed},
	StatusInProgress:        {StatusOpen, StatusWaitingOnCustomer, StatusWaitingOnAgent, StatusEscalated, StatusResolved, StatusClosed},
	StatusWaitingOnCustomer: {StatusOpen, StatusInProgress, StatusWaitingOnAgent, StatusEscalated, StatusResolved, StatusClosed},
	StatusWaitingOnAgent:    {StatusOpen, StatusInProgress, StatusWaitingOnCustomer, StatusEscalated, StatusResolved, StatusClosed},
	StatusEscalated:         {StatusOpen, StatusInProgress, StatusWaitingOnCustomer, StatusWaitingOnAgent, StatusResolved, StatusClosed},
	StatusResolved:          {StatusReopened, StatusClosed},
	StatusClosed:            {StatusReopened},
	StatusReopened:          {StatusInProgress, StatusWaitingOnCustomer, StatusWaitingOnAgent, StatusEscalated, StatusResolved, StatusClosed},
}

// Done reports whether work on the ticket has ended.
func (s Status) Done() bool { return s == StatusResolved || s == StatusClosed }

// MayBecome reports whether a ticket may go from s to next; staying is allowed.
func (s Status) MayBecome(next Status) bool {
	return s == next || slices.Contains(transitions[s], next)
}

// String is the name in JSON.
func (s Status) String() string { return nameIn(statusNames, int(s)) }

// MarshalJSON writes the name.
func (s Status) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads a name or a number.
func (s *Status) UnmarshalJSON(text []byte) error {
	n, err := readName("status", statusNames, text)
	*s = Status(n)
	return err
}

// UnmarshalText reads a name or a number from a path or query value.
func (s *Status) UnmarshalText(text []byte) error { return s.UnmarshalJSON(quoted(text)) }

// Schema describes the JSON form.
func (Status) Schema() rest.Schema { return nameSchema(statusNames) }

// Priority is how urgent a ticket is.
type Priority int8

// The five priorities.
const (
	Low Priority = iota
	Medium
	High
	Urgent
	Critical
)

var priorityNames = []string{"low", "medium", "high", "urgent", "critical"}

// String is the name in JSON.
func (p Priority) String() string { return nameIn(priorityNames, int(p)) }

// MarshalJSON writes the name.
func (p Priority) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// UnmarshalJSON reads a name or a number.
func (p *Priority) UnmarshalJSON(text []byte) error {
	n, err := readName("priority", priorityNames, text)
	*p = Priority(n)
	return err
}

// UnmarshalText reads a name or a number from a path or query value.
func (p *Priority) UnmarshalText(text []byte) error { return p.UnmarshalJSON(quoted(text)) }

// Schema describes the JSON form.
func (Priority) Schema() rest.Schema { return nameSchema(priorityNames) }

// Channel is the way by which a ticket or reply came in.
type Channel int8

// The channels.
const (
	ViaAPI Channel = iota
	ViaWeb
	ViaEmail
	ViaWidget
	ViaPhone
	ViaPlugin
)

var channelNames = []string{"api", "web", "email", "widget", "phone", "plugin"}

// String is the name in JSON.
func (c Channel) String() string { return nameIn(channelNames, int(c)) }

// MarshalJSON writes the name.
func (c Channel) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// UnmarshalJSON reads a name or a number.
func (c *Channel) UnmarshalJSON(text []byte) error {
	n, err := readName("channel", channelNames, text)
	*c = Channel(n)
	return err
}

// Schema describes the JSON form.
func (Channel) Schema() rest.Schema { return nameSchema(channelNames) }

// ReplyKind says who may read a reply.
type ReplyKind int8

// The kinds of reply. A note is for agents only; a system message is written
// by the desk itself and read by everybody who sees the ticket.
const (
	ReplyPublic ReplyKind = iota
	ReplyNote
	ReplySystem
)

var replyKindNames = []string{"public", "note", "system"}

// String is the name in JSON.
func (k ReplyKind) String() string { return nameIn(replyKindNames, int(k)) }

// MarshalJSON writes the name.
func (k ReplyKind) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// UnmarshalJSON reads a name or a number.
func (k *ReplyKind) UnmarshalJSON(text []byte) error {
	n, err := readName("kind", replyKindNames, text)
	*k = ReplyKind(n)
	return err
}

// Schema describes the JSON form.
func (ReplyKind) Schema() rest.Schema { return nameSchema(replyKindNames) }

func nameIn(names []string, n int) string {
	if n < 0 || n >= len(names) {
		return strconv.Itoa(n)
	}
	return names[n]
}

func nameSchema(names []string) rest.Schema { return rest.Schema{Type: "string", Enum: names} }

func quoted(text []byte) []byte {
	if _, err := strconv.Atoi(string(text)); err == nil {
		return text
	}
	return []byte(strconv.Quote(string(text)))
}

// readName takes "open" or 0; the error names what may stand there.
func readName(what string, names []string, text []byte) (int, error) {
	for n, name := range names { // most are written plainly
		if len(text) == len(name)+2 && text[0] == '"' && string(text[1:len(text)-1]) == name {
			return n, nil
		}
	}
	var name string
	if json.Unmarshal(text, &name) == nil {
		if n := slices.Index(names, name); n >= 0 {
			return n, nil
		}
	} else if n, err := strconv.Atoi(string(text)); err == nil && n >= 0 && n < len(names) {
		return n, nil
	}
	return 0, &Error{Kind: Invalid, Message: fmt.Sprintf("a %s is one of %s", what, strings.Join(names, ", "))}
}

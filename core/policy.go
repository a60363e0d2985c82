package core

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/rest"
)

// Policy says who may call a route. Its zero value does not start.
type Policy = rest.Policy

// Option adjusts a typed handler.
type Option = rest.Option

// None as the output of a typed handler is 204 without a body.
type None = rest.None

// Maybe is a field of a PATCH body: missing, null (Value nil) or a value.
type Maybe[T any] = rest.Maybe[T]

// The policies that most routes need.
var (
	Public     = rest.Public     //nolint:gochecknoglobals // another name for what never changes
	Guests     = rest.Guests     //nolint:gochecknoglobals // as above
	Requesters = rest.Requesters //nolint:gochecknoglobals // as above
	Agents     = rest.Agents     //nolint:gochecknoglobals // as above
	Admins     = rest.Admins     //nolint:gochecknoglobals // as above
)

// JSON makes a route's handler of fn; see rest.JSON for the tags of In and Out.
func JSON[In, Out any](fn func(context.Context, In) (Out, error), opts ...Option) http.Handler {
	return rest.JSON(fn, opts...)
}

// Stream makes a route's handler of fn, which reads typed parameters and writes its
// own answer; see rest.Stream.
func Stream[In any](fn func(http.ResponseWriter, *http.Request, In) error, opts ...Option) http.Handler {
	return rest.Stream(fn, opts...)
}

// Gives names the media types of an answer that the handler writes itself.
func Gives(media ...string) Option { return rest.Gives(media...) }

// Func is a raw handler that may return an error while it has written nothing.
type Func = rest.Func

// StatusCode answers with code instead of 200.
func StatusCode(code int) Option { return rest.Status(code) }

// Doc is the sentence that OpenAPI shows.
func Doc(sentence string) Option { return rest.Doc(sentence) }

// Scope is which tickets an actor sees: the one definition, used by get, list,
// search, counts, activity, bulk, hooks and, through them, every plugin.
//
// A requester sees own tickets, a guest the one of the token. An agent sees
// the tickets of own departments, those of none, and those assigned to or
// requested by the agent; an agent in no department, an admin and the desk
// itself see all. The host's Config.See has the last word on each ticket.
type Scope struct {
	all   bool
	conds []Cond // any of them
	see   func(context.Context, Actor, Ticket, bool) bool
	actor Actor
}

func (d *Desk) scope(a Actor) Scope {
	s := Scope{actor: a}
	if a.Plugin == "" { // the host's word is about people
		s.see = d.config.See
	}
	switch {
	case a.guestOf != 0:
		s.conds = []Cond{Is("id", a.guestOf)}
	case a.Kind == Admin, a.Kind == Agent && len(a.Departments) == 0:
		s.all = true
	case a.Kind == Agent:
		s.conds = []Cond{
			Where("department_id", In, a.Departments), {Column: "department_id", Op: IsNull},
			Is("assignee_id", a.Person.ID), Is("requester_id", a.Person.ID),
		}
	case a.Kind == Requester:
		s.conds = []Cond{Is("requester_id", a.Person.ID)}
	}
	return s
}

// where is the scope as a condition for the database; none when the host may
// widen it, because then every ticket has to be asked about.
func (s Scope) where() []Cond {
	if s.all || s.see != nil {
		return nil
	}
	return []Cond{{Op: Either, Any: s.conds}}
}

// Sees reports whether the actor may see t. Deleted tickets are for admins.
func (s Scope) Sees(ctx context.Context, t Ticket) bool {
	may := s.all || slices.ContainsFunc(s.conds, func(c Cond) bool { return holds(c, &t) })
	if s.see != nil {
		may = s.see(ctx, s.actor, t, may)
	}
	return may && (t.DeletedAt == nil || s.actor.Kind >= Admin)
}

// Action is what an actor asks to do, such as "ticket.assign".
type Action string

// The actions that permissions speak of.
const (
	CreateTicket  Action = "ticket.create"
	UpdateTicket  Action = "ticket.update"
	ChangeStatus  Action = "ticket.status"
	AssignTicket  Action = "ticket.assign"
	TagTicket     Action = "ticket.tag"
	MergeTickets  Action = "ticket.merge"
	SplitTicket   Action = "ticket.split"
	DeleteTicket  Action = "ticket.delete"
	AddReply      Action = "reply.add"
	AddNote       Action = "reply.note"
	EditReply     Action = "reply.edit"
	UploadFile    Action = "attachment.add"
	ReadDirectory Action = "directory.read"
	Administer    Action = "desk.administer"
)

// leastRole says from which role on an action is allowed.
var leastRole = map[Action]Role{
	CreateTicket: Guest, AddReply: Guest, UploadFile: Requester,
	ChangeStatus: Requester, // a requester may only close and reopen: see requesterMay
	UpdateTicket: Agent, AssignTicket: Agent, TagTicket: Agent, MergeTickets: Agent, SplitTicket: Agent,
	AddNote: Agent, EditReply: Agent, ReadDirectory: Agent,
	DeleteTicket: Admin, Administer: Admin,
}

// Permission is what the desk is about to allow. A handler of Auth.Can denies
// it by a veto; what the desk itself refuses, it does not see.
type Permission struct {
	Actor  Actor   `json:"-"`
	Action Action  `json:"action"`
	Ticket *Ticket `json:"ticket"` // nil when the action is about no ticket
}

// can says whether the actor of ctx may do the action, and why not.
func (d *Desk) can(ctx context.Context, action Action, t *Ticket) error {
	a := ActorFrom(ctx)
	role, known := leastRole[action]
	switch {
	case a.Kind == Nobody:
		return Errorf(Unauthenticated, "sign in first")
	case !known || a.Kind < role:
		return Errorf(Forbidden, "you may not do this")
	}
	err := d.hooks.Auth.Can.Run(ctx, &Permission{Actor: a, Action: action, Ticket: clonePointer(t)})
	if veto, ok := errors.AsType[*hooks.Refusal](err); ok {
		return &Error{Kind: Forbidden, Code: veto.Code, Message: veto.Message}
	}
	return translate(err)
}

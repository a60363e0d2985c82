package core

import (
	"context"
	"errors"
	"slices"
)

// Reply is one message of a ticket: the opening message (number 0), a public
// reply, a note for agents, or a system message.
type Reply struct {
	ID           int64      `json:"id"`
	TicketID     int64      `json:"ticket_id"`
	Number       int        `json:"number"`
	Kind         ReplyKind  `json:"kind"`
	AuthorID     *int64     `json:"author_id" doc:"null when a plugin or the desk wrote it"`
	Author       string     `json:"author" doc:"kind of author: requester, agent, admin, guest, plugin, system"`
	ByAgent      bool       `json:"by_agent"`
	Channel      Channel    `json:"channel"`
	Body         string     `json:"body"`
	MergedFromID *int64     `json:"merged_from_id" doc:"the ticket that a merge took it from"`
	MergedNumber *int       `json:"merged_number"`
	MergedKind   *ReplyKind `json:"merged_kind"`
	CreatedAt    Time       `json:"created_at"`
	EditedAt     *Time      `json:"edited_at"`
	DeletedAt    *Time      `json:"deleted_at"`
}

// visible reports whether an actor who sees the ticket reads the reply.
func (r Reply) visible(a Actor) bool {
	return a.IsAgent() || r.Kind != ReplyNote && r.DeletedAt == nil
}

// Replies is the service of replies and notes.
type Replies struct{ d *Desk }

// ReplyDraft is a reply about to be added.
type ReplyDraft struct {
	Ticket      Ticket  `json:"ticket"`
	Body        string  `json:"body"`
	Internal    bool    `json:"internal"` // a note: agents only
	Status      *Status `json:"status"`   // set with the reply; nil: the usual flow
	Attachments []int64 `json:"attachments"`
	Channel     Channel `json:"channel"`
}

// Clone copies the draft as deep as a hook can reach.
func (r ReplyDraft) Clone() ReplyDraft {
	r.Attachments, r.Status = slices.Clone(r.Attachments), clonePointer(r.Status)
	return r
}

// ReplyAdded is the event of a new reply.
type ReplyAdded struct {
	Ticket Ticket `json:"ticket"`
	Reply  Reply  `json:"reply"`
}

// maxTries is how often a reply or a change is tried again when the ticket
// changes under it: somebody's words are not to be lost to somebody's click.
const maxTries = 50

// Add answers a ticket, or notes something on it. A reply to a ticket that was
// merged goes to the one it was merged into.
func (s Replies) Add(ctx context.Context, ticket int64, draft ReplyDraft) (Reply, error) {
	for range maxTries {
		r, err := s.tryAdd(ctx, ticket, draft.Clone())
		if !errors.Is(err, errStale) {
			return r, err
		}
	}
	return Reply{}, Errorf(Conflict, "the ticket is being changed by many at once: try again")
}

func (s Replies) tryAdd(ctx context.Context, ticket int64, draft ReplyDraft) (Reply, error) {
	d := s.d
	t, err := s.target(ctx, ticket)
	if err != nil {
		return Reply{}, err
	}
	action := AddReply
	if draft.Internal {
		action = AddNote
	}
	if err := d.can(ctx, action, &t); err != nil {
		return Reply{}, err
	}
	draft.Ticket = t
	if err := d.hooks.Reply.Add.Before.Run(ctx, &draft); err != nil {
		return Reply{}, translate(err)
	}
	draft.Ticket = t
	if err := checkBody(draft.Body); err != nil {
		return Reply{}, err
	}
	if len(draft.Attachments) > maxFiles {
		return Reply{}, InvalidField("attachments", "a message carries at most %d files", maxFiles)
	}
	c, err := s.flow(ctx, t, draft)
	if err != nil {
		return Reply{}, err
	}
	var r Reply
	err = d.change(ctx, func(ctx context.Context) error {
		r, err = s.write(ctx, c, draft)
		return err
	})
	return r, err
}

// target is the ticket that a reply to id goes to.
func (s Replies) target(ctx context.Context, id int64) (Ticket, error) {
	t, err := s.d.Tickets.Get(ctx, id)
	if err != nil || t.MergedIntoID == nil {
		return t, deleted(t, err)
	}
	into, err := byID[Ticket](ctx, s.d.store, "ticket", *t.MergedIntoID)
	if err == nil && into.RequesterID != t.RequesterID && !ActorFrom(ctx).IsAgent() {
		return t, Errorf(Conflict, "the ticket was closed: open a new one")
	}
	return into, deleted(into, err)
}

func deleted(t Ticket, err error) error {
	if err == nil && t.DeletedAt != nil {
		return Errorf(Conflict, "the ticket is in the bin: restore it first")
	}
	return err
}

// flow is the change of status that goes with the reply: the agent answers and
// waits for the customer, the requester answers and waits for the agent.
func (s Replies) flow(ctx context.Context, t Ticket, draft ReplyDraft) (*TicketChange, error) {
	c := &TicketChange{Old: t, New: t, flow: draft.Status == nil}
	a := ActorFrom(ctx)
	switch {
	case draft.Status != nil:
		c.New.Status = *draft.Status
	case draft.Internal || !s.d.deskSettings().StatusFlow || a.Plugin != "":
	case a.IsAgent() && a.Person.ID != t.RequesterID:
		if slices.Contains([]Status{StatusOpen, StatusInProgress, StatusWaitingOnAgent, StatusReopened}, t.Status) {
			c.New.Status = StatusWaitingOnCustomer
		}
	case t.Status.Done():
		c.New.Status = StatusReopened
	case t.Status == StatusWaitingOnCustomer:
		c.New.Status = StatusWaitingOnAgent
	}
	if !c.differs() {
		return c, nil
	}
	return c, s.d.judge(ctx, c)
}

// write puts the reply and all that follows from it into the database.
func (s Replies) write(ctx context.Context, c *TicketChange, draft ReplyDraft) (Reply, error) {
	d, a, now := s.d, ActorFrom(ctx), s.d.now()
	sets := []Assign{Add("last_number", 1)}
	if !draft.Internal {
		sets = append(sets, Add("reply_count", 1), Set("last_reply_at", now), Set("last_reply_by", personOrNull(a)))
		if !c.differs() {
			sets = append(sets, Set("public_at", now))
		}
		if a.IsAgent() && a.Plugin == "" && a.Person.ID != c.Old.RequesterID && c.Old.FirstResponseAt == nil {
			sets = append(sets, Set("first_response_at", now))
		}
	}
	t, err := d.applyChange(ctx, c, sets)
	if err != nil {
		return Reply{}, err
	}
	r, err := s.insert(ctx, t, draft, t.LastNumber)
	if err != nil {
		return r, err
	}
	to := Everybody
	if draft.Internal {
		to = AgentsOnly
	}
	return r, record(ctx, d, &d.hooks.Reply.Add, t.ID, to, &ReplyAdded{Ticket: t, Reply: r})
}

func personOrNull(a Actor) *int64 {
	if a.Person.ID == 0 {
		return nil
	}
	return &a.Person.ID
}

// insert writes the reply's row and claims its files.
func (s Replies) insert(ctx context.Context, t Ticket, draft ReplyDraft, number int) (Reply, error) {
	a := ActorFrom(ctx)
	r := Reply{
		TicketID: t.ID, Number: number, Author: a.kindName(), AuthorID: personOrNull(a), Channel: draft.Channel,
		ByAgent: a.IsAgent() && a.Person.ID != t.RequesterID, Body: draft.Body, CreatedAt: s.d.now(),
	}
	if draft.Internal {
		r.Kind = ReplyNote
	}
	if number == 0 && t.RequesterID != a.Person.ID { // an agent takes down what the requester asked
		r.AuthorID, r.Author, r.ByAgent = &t.RequesterID, "requester", false
	}
	if err := s.d.store.Insert(ctx, &r); err != nil {
		return r, err
	}
	return r, s.d.Attachments.claim(ctx, draft.Attachments, r)
}

// say adds a system message, in the transaction of ctx, to a ticket whose row
// the caller has locked.
func (s Replies) say(ctx context.Context, t Ticket, kind ReplyKind, text string) error {
	rows, err := update[Ticket](ctx, s.d.store, []Assign{Add("last_number", 1)}, Is("id", t.ID))
	if err != nil || len(rows) == 0 {
		return errors.Join(err, notThere(len(rows), t.ID))
	}
	return s.d.store.Insert(ctx, &Reply{
		TicketID: t.ID, Number: rows[0].LastNumber, Kind: kind, Author: "system", Body: text, CreatedAt: s.d.now(),
	})
}

func notThere(rows int, ticket int64) error {
	if rows == 0 {
		return notFound("ticket", ticket)
	}
	return nil
}

// Page asks for a page of a list.
type Page struct {
	Limit  int
	Cursor string // of the page before; "" is the first page
}

// List returns a ticket's replies in order, and the cursor of the next page,
// "" at the end. Who is no agent gets no notes. A ticket that was merged still
// shows what it brought along.
func (s Replies) List(ctx context.Context, ticket int64, p Page) ([]Reply, string, error) {
	t, err := s.d.Tickets.Get(ctx, ticket)
	if err != nil {
		return nil, "", err
	}
	return s.list(ctx, t, p)
}

func (s Replies) list(ctx context.Context, t Ticket, p Page) ([]Reply, string, error) {
	a := ActorFrom(ctx)
	q := Query{Where: []Cond{Is("ticket_id", t.ID)}, Order: []Order{{Column: "number"}}, Limit: p.limit() + 1}
	if t.MergedIntoID != nil {
		q.Where = []Cond{Is("merged_from_id", t.ID)}
	}
	if !a.IsAgent() {
		q.Where = append(q.Where, Cond{Column: "deleted_at", Op: IsNull})
		if t.MergedIntoID == nil {
			q.Where = append(q.Where, Where("kind", NotEqual, ReplyNote))
		} else {
			q.Where = append(q.Where, Where("merged_kind", NotEqual, ReplyNote))
		}
	}
	if p.Cursor != "" { // a reply's id, for the number would tell how many notes there are
		last, err := p.id()
		if err != nil {
			return nil, "", err
		}
		r, err := byID[Reply](ctx, s.d.store, "reply", last, q.Where[0])
		if err != nil {
			return nil, "", InvalidField("cursor", "not a cursor of this list")
		}
		q.After = []any{r.Number}
	}
	rows, err := find[Reply](ctx, s.d.store, q)
	next := ""
	if len(rows) > p.limit() {
		rows = rows[:p.limit()]
		next = cursorOf(rows[len(rows)-1].ID)
	}
	return asBefore(t, rows), next, err
}

// asBefore shows the replies of a merged ticket as they were in it.
func asBefore(t Ticket, rows []Reply) []Reply {
	if t.MergedIntoID == nil {
		return rows
	}
	for i := range rows {
		rows[i].TicketID = t.ID
		set(&rows[i].Number, rows[i].MergedNumber)
		set(&rows[i].Kind, rows[i].MergedKind)
	}
	return rows
}

// Get finds a reply of a ticket, both visible to the actor.
func (s Replies) Get(ctx context.Context, ticket, id int64) (Ticket, Reply, error) {
	t, err := s.d.Tickets.Get(ctx, ticket)
	if err != nil {
		return t, Reply{}, err
	}
	r, err := byID[Reply](ctx, s.d.store, "reply", id, Is("ticket_id", t.ID))
	if err == nil && !r.visible(ActorFrom(ctx)) {
		err = notFound("reply", id)
	}
	return t, r, err
}

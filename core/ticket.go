package core

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ticket is a request for help. Its opening message is reply 0.
type Ticket struct {
	ID              int64    `json:"id"`
	Subject         string   `json:"subject"`
	Status          Status   `json:"status"`
	Priority        Priority `json:"priority"`
	Type            string   `json:"type"`
	Channel         Channel  `json:"channel"`
	RequesterID     int64    `json:"requester_id"`
	AssigneeID      *int64   `json:"assignee_id"`
	DepartmentID    *int64   `json:"department_id"`
	Version         int      `json:"version" doc:"rises with each change of a field, not with replies"`
	LastNumber      int      `json:"last_number" doc:"of the newest reply, note or system message"`
	ReplyCount      int      `json:"reply_count" doc:"public replies, without the opening message"`
	TagCount        int      `json:"tag_count"`
	IsOpen          bool     `json:"is_open" doc:"not resolved, closed, merged or deleted"`
	LastReplyAt     *Time    `json:"last_reply_at"`
	LastReplyBy     *int64   `json:"last_reply_by"`
	FirstResponseAt *Time    `json:"first_response_at" doc:"the first public reply of an agent"`
	ResolvedAt      *Time    `json:"resolved_at"`
	ClosedAt        *Time    `json:"closed_at"`
	MergedIntoID    *int64   `json:"merged_into_id"`
	UnmergedStatus  *Status  `json:"unmerged_status" doc:"what unmerge gives back"`
	SplitFromID     *int64   `json:"split_from_id"`
	CreatedAt       Time     `json:"created_at"`
	UpdatedAt       Time     `json:"updated_at" doc:"of any change"`
	PublicAt        Time     `json:"public_at" doc:"of the last change that the requester sees"`
	DeletedAt       *Time    `json:"deleted_at"`
}

// Reference is the ticket's name for people.
func (t Ticket) Reference() string { return "HD-" + itoa(t.ID) }

// open is the one definition of an open ticket.
func (t Ticket) open() bool {
	return !t.Status.Done() && t.MergedIntoID == nil && t.DeletedAt == nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Tickets is the service of tickets.
type Tickets struct{ d *Desk }

// TicketDraft is a ticket about to be created.
type TicketDraft struct {
	Subject      string   `json:"subject"`
	Body         string   `json:"body"`
	Priority     Priority `json:"priority"`
	Type         string   `json:"type"`
	DepartmentID *int64   `json:"department_id"`
	RequesterID  int64    `json:"requester_id"` // 0: the actor; only agents may name another
	AssigneeID   *int64   `json:"assignee_id"`
	Tags         []string `json:"tags"` // slugs or names
	Attachments  []int64  `json:"attachments"`
	Channel      Channel  `json:"channel"`
}

// Clone copies the draft as deep as a hook can reach.
func (t TicketDraft) Clone() TicketDraft {
	t.Tags, t.Attachments = slices.Clone(t.Tags), slices.Clone(t.Attachments)
	t.DepartmentID, t.AssigneeID = clonePointer(t.DepartmentID), clonePointer(t.AssigneeID)
	return t
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// TicketCreated is the event of a new ticket; Body is its opening message.
type TicketCreated struct {
	Ticket  Ticket  `json:"ticket"`
	ReplyID int64   `json:"reply_id"`
	Tags    []int64 `json:"tags"`
}

const (
	maxSubject = 200
	maxBody    = 100_000
	maxTags    = 20
	maxFiles   = 20
)

// Create opens a ticket. It fails with Invalid, with Forbidden when a
// requester speaks for somebody else, or with a plugin's veto.
func (s Tickets) Create(ctx context.Context, draft TicketDraft) (Ticket, error) {
	return s.create(ctx, draft, func(context.Context, Ticket) error { return nil })
}

// create runs also, with the new ticket, in the transaction that makes it.
func (s Tickets) create(ctx context.Context, draft TicketDraft, also func(context.Context, Ticket) error) (Ticket, error) {
	d := s.d
	if err := d.can(ctx, CreateTicket, nil); err != nil {
		return Ticket{}, err
	}
	if draft.Type == "" {
		draft.Type = d.config.Types[0]
	}
	if err := s.mayAsk(ctx, &draft); err != nil {
		return Ticket{}, err
	}
	requester, channel := draft.RequesterID, draft.Channel
	if err := d.hooks.Ticket.Create.Before.Run(ctx, &draft); err != nil {
		return Ticket{}, translate(err)
	}
	draft.RequesterID, draft.Channel = requester, channel // who asks is not a plugin's to say
	tags, err := s.checkDraft(ctx, &draft)
	if err != nil {
		return Ticket{}, err
	}
	var t Ticket
	err = d.change(ctx, func(ctx context.Context) error {
		if t, err = s.insert(ctx, draft, tags); err != nil {
			return err
		}
		return also(ctx, t)
	})
	return t, err
}

// mayAsk settles who the requester is.
func (s Tickets) mayAsk(ctx context.Context, draft *TicketDraft) error {
	a := ActorFrom(ctx)
	switch {
	case draft.RequesterID == 0:
		draft.RequesterID = a.Person.ID
	case draft.RequesterID != a.Person.ID && !a.IsAgent():
		return Errorf(Forbidden, "only agents open tickets for others")
	case draft.RequesterID != a.Person.ID:
		if _, err := byID[Person](ctx, s.d.store, "person", draft.RequesterID); KindOf(err) == NotFound {
			return InvalidField("requester", "there is no such person")
		} else if err != nil {
			return err
		}
	}
	if draft.RequesterID == 0 {
		return InvalidField("requester", "say who asks: a plugin is no requester")
	}
	if (draft.AssigneeID != nil || len(draft.Tags) > 0) && !a.IsAgent() {
		return Errorf(Forbidden, "only agents assign and tag tickets")
	}
	return nil
}

func (s Tickets) checkDraft(ctx context.Context, draft *TicketDraft) ([]int64, error) {
	draft.Subject = strings.TrimSpace(draft.Subject)
	t := Ticket{Subject: draft.Subject, Priority: draft.Priority, Type: draft.Type, DepartmentID: draft.DepartmentID, AssigneeID: draft.AssigneeID}
	if err := s.d.checkTicket(ctx, Ticket{}, t); err != nil {
		return nil, err
	}
	if err := checkBody(draft.Body); err != nil {
		return nil, err
	}
	if len(draft.Attachments) > maxFiles {
		return nil, InvalidField("attachments", "a message carries at most %d files", maxFiles)
	}
	return s.d.Tags.resolve(ctx, draft.Tags)
}

// insert writes the rows of a new ticket, in the transaction of ctx.
func (s Tickets) insert(ctx context.Context, draft TicketDraft, tags []int64) (Ticket, error) {
	d, now := s.d, s.d.now()
	t := Ticket{
		Subject: draft.Subject, Priority: draft.Priority, Type: draft.Type, Channel: draft.Channel,
		RequesterID: draft.RequesterID, AssigneeID: draft.AssigneeID, DepartmentID: draft.DepartmentID,
		Version: 1, TagCount: len(tags), IsOpen: true, CreatedAt: now, UpdatedAt: now, PublicAt: now,
	}
	if err := d.store.Insert(ctx, &t); err != nil {
		return t, err
	}
	r, err := d.Replies.insert(ctx, t, ReplyDraft{Body: draft.Body, Attachments: draft.Attachments, Channel: draft.Channel}, 0)
	if err != nil {
		return t, err
	}
	if err := d.Tags.attach(ctx, t, tags); err != nil {
		return t, err
	}
	return t, record(ctx, d, &d.hooks.Ticket.Create, t.ID, Everybody, &TicketCreated{Ticket: t, ReplyID: r.ID, Tags: tags})
}

// checkTicket is the one place where a ticket's fields are judged. Only what
// differs from old is: a department that was closed since stays.
func (d *Desk) checkTicket(ctx context.Context, old, t Ticket) error {
	switch {
	case t.Subject == "" || t.Subject != old.Subject && !validSubject(t.Subject):
		return InvalidField("subject", "a subject has 1 to %d characters that can be seen, on one line", maxSubject)
	case t.Priority < Low || t.Priority > Critical:
		return InvalidField("priority", "a priority is one of %s", strings.Join(priorityNames, ", "))
	case !slices.Contains(d.config.Types, t.Type) && t.Type != old.Type:
		return InvalidField("type", "a type is one of %s", strings.Join(d.config.Types, ", "))
	case !old.Status.MayBecome(t.Status):
		return InvalidField("status", "a ticket that is %s cannot become %s", old.Status, t.Status)
	}
	if err := checkText("subject", t.Subject); err != nil {
		return err
	}
	if err := d.checkDepartment(ctx, old.DepartmentID, t.DepartmentID); err != nil {
		return err
	}
	return d.checkAssignee(ctx, old.AssigneeID, t.AssigneeID)
}

// validSubject is what fits into a list and into the header of a mail.
func validSubject(text string) bool {
	seen := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != '\u2800' })
	return seen && !strings.ContainsFunc(text, unicode.IsControl) && utf8.RuneCountInString(text) <= maxSubject
}

func (d *Desk) checkDepartment(ctx context.Context, old, id *int64) error {
	if id == nil || old != nil && *old == *id {
		return nil
	}
	dep, found, err := first[Department](ctx, d.store, Query{Where: []Cond{Is("id", *id)}})
	if err == nil && (!found || !dep.Active) {
		err = InvalidField("department_id", "there is no such department, or it is closed")
	}
	return err
}

func (d *Desk) checkAssignee(ctx context.Context, old, id *int64) error {
	if id == nil || old != nil && *old == *id {
		return nil
	}
	p, found, err := first[Person](ctx, d.store, Query{Where: []Cond{Is("id", *id)}})
	if err == nil && (!found || p.Role < Agent) {
		err = InvalidField("assignee", "there is no such agent")
	}
	return err
}

// checkText refuses what a database cannot keep.
func checkText(field, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return InvalidField(field, "a text is valid UTF-8 without NUL")
	}
	return nil
}

func checkBody(body string) error {
	if err := checkText("body", body); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(body); strings.TrimSpace(body) == "" || n > maxBody {
		return InvalidField("body", "a message has 1 to %d characters", maxBody)
	}
	return nil
}

// Get finds a ticket that the actor may see; all others are NotFound.
func (s Tickets) Get(ctx context.Context, id int64) (Ticket, error) {
	a := ActorFrom(ctx)
	if a.Kind == Nobody {
		return Ticket{}, Errorf(Unauthenticated, "sign in first")
	}
	t, err := byID[Ticket](ctx, s.d.store, "ticket", id)
	if err == nil && !s.d.scope(a).Sees(ctx, t) {
		err = notFound("ticket", id)
	}
	if err != nil {
		return Ticket{}, err
	}
	return t, nil
}

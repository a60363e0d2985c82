package demo

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// stage is a desk on which the steps are carried out, each by its person and at
// its time. What it has then is what a desk has that was used for two months.
type stage struct {
	*core.Desk
	clock       *clockwork.FakeClock
	host        core.Host
	naps        sleeper
	departments map[string]int64 // ids by slug
}

// sleeper is what the snooze plugin provides.
type sleeper interface {
	Set(ctx context.Context, ticket int64, until time.Time, reason string) (snooze.Snooze, error)
}

// play carries out the steps, in the transaction of ctx.
func (s *stage) play(ctx context.Context, steps []step) error {
	if err := s.furnish(ctx); err != nil {
		return err
	}
	for _, one := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.clock.Advance(one.at.Sub(s.clock.Now()))
		as, err := s.as(ctx, one.by)
		if err == nil {
			err = one.do(s, as, one.of)
		}
		if err != nil {
			return fmt.Errorf("%q, by %s at %s: %w", one.of.subject, one.by.Name, one.at.Format(time.DateTime), err)
		}
	}
	return nil
}

// as is a context in which somebody acts.
func (s *stage) as(ctx context.Context, id core.Identity) (context.Context, error) {
	a, err := s.ActorOf(ctx, id)
	return core.As(ctx, a), err
}

// furnish makes what an admin sets up before the first ticket.
func (s *stage) furnish(ctx context.Context) error {
	people := map[string]int64{}
	for _, one := range staff {
		a, err := s.ActorOf(ctx, agent(one.UserID))
		if err != nil {
			return err
		}
		people[one.UserID] = a.Person.ID
	}
	ctx, err := s.as(ctx, agent(Admin))
	if err != nil {
		return err
	}
	for i, d := range departments {
		agents := make([]int64, 0, len(d.agents))
		for _, user := range d.agents {
			agents = append(agents, people[user])
		}
		made, err := s.Departments.Create(ctx, core.DepartmentPatch{Name: &d.name, Slug: &d.slug, Position: new(i + 1), Agents: &agents})
		if err != nil {
			return fmt.Errorf("department %s: %w", d.slug, err)
		}
		s.departments[d.slug] = made.ID
	}
	for name, colour := range tagColours {
		if _, err := s.Tags.Create(ctx, core.TagPatch{Name: &name, Colour: &colour}); err != nil {
			return fmt.Errorf("tag %s: %w", name, err)
		}
	}
	return nil
}

func (s *stage) open(ctx context.Context, t *ticket) error {
	draft := core.TicketDraft{Subject: t.subject, Body: t.lines[0].text, Priority: core.Medium, Channel: t.channel}
	if t.chosen {
		draft.DepartmentID = new(s.departments[t.story.department])
	}
	if t.channel == core.ViaPhone { // an agent writes it down
		asks, err := s.ActorOf(ctx, t.customer)
		if err != nil {
			return err
		}
		draft.RequesterID = asks.Person.ID
	}
	var err error
	if draft.Attachments, err = s.upload(ctx, t.lines[0]); err != nil {
		return err
	}
	made, err := s.Tickets.Create(ctx, draft)
	t.id = made.ID
	return err
}

// upload stores the file of a message, if it has one.
func (s *stage) upload(ctx context.Context, l line) ([]int64, error) {
	if l.file == "" {
		return nil, nil
	}
	content, err := fileFor(l.file, s.clock.Now())
	if err != nil {
		return nil, err
	}
	a, err := s.Attachments.Upload(ctx, l.file, bytes.NewReader(content))
	return []int64{a.ID}, err
}

// triage is an agent who takes the ticket and puts it where it belongs.
func (s *stage) triage(ctx context.Context, t *ticket) error {
	status := core.StatusInProgress
	if t.story.priority == core.Critical {
		status = core.StatusEscalated
	}
	_, err := s.Tickets.Update(ctx, t.id, core.TicketPatch{
		Priority: &t.story.priority, Type: &t.story.kind, Tags: &t.story.tags, Status: &status,
		Assignee:   core.Maybe[int64]{Set: true, Value: new(core.ActorFrom(ctx).Person.ID)},
		Department: core.Maybe[int64]{Set: true, Value: new(s.departments[t.story.department])},
	})
	return err
}

func (s *stage) message(ctx context.Context, t *ticket, l line) error {
	draft := core.ReplyDraft{Body: l.text, Internal: l.by == 'N', Channel: core.ViaWeb}
	if l.by == 'C' {
		draft.Channel = t.later()
	}
	r, err := s.Replies.Add(ctx, t.id, draft)
	if l.by == 'C' {
		t.reply = r.ID
	}
	return err
}

// later is how a customer goes on with a ticket: who called, answers the mail.
func (t *ticket) later() core.Channel {
	switch t.channel {
	case core.ViaEmail, core.ViaPhone:
		return core.ViaEmail
	default:
		return core.ViaWeb
	}
}

func (s *stage) snooze(ctx context.Context, t *ticket, l line) error {
	_, err := s.naps.Set(ctx, t.id, s.clock.Now().Add(l.sleep), l.text)
	return err
}

// wake lets the plugin wake what is due by now.
func (s *stage) wake(ctx context.Context, _ *ticket) error { return s.RunJob(ctx, "snooze.wake") }

func (s *stage) resolve(ctx context.Context, t *ticket) error {
	return s.status(ctx, t, core.StatusResolved)
}

func (s *stage) close(ctx context.Context, t *ticket) error {
	return s.status(ctx, t, core.StatusClosed)
}

func (s *stage) status(ctx context.Context, t *ticket, status core.Status) error {
	_, err := s.Tickets.Update(ctx, t.id, core.TicketPatch{Status: &status})
	return err
}

func (s *stage) merge(ctx context.Context, t, again *ticket) error {
	_, err := s.Tickets.Merge(ctx, t.id, []int64{again.id})
	return err
}

// split makes a ticket of what the customer wrote last.
func (s *stage) split(ctx context.Context, t, off *ticket) error {
	made, err := s.Tickets.Split(ctx, t.id, t.reply, off.subject)
	off.id = made.ID
	return err
}

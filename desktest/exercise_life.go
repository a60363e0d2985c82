package desktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// awkward are texts that people do write.
var awkward = []string{
	"x", "'; DROP TABLE tickets; --", "<script>alert(1)</script>", "{{.Prefix}} %s %d \\0", "مرحبا 👩‍👩‍👧‍👦 Zoë \u202e\ufeff",
	strings.Repeat("👍", 200), "\t \n x \r\n",
}

// checkLife leads tickets through all that can happen to one and wants no handler
// to fail. A plugin may refuse things by a veto.
func (s *suite) checkLife(t testing.TB, db Database) {
	d := s.desk(t, db)
	d.AllowErrors()
	s.play(t, d)
	for _, text := range awkward {
		s.live(t, d, text)
	}
	d.Leap(25 * time.Hour)
	for _, job := range s.jobs(d) {
		for range 2 {
			if err := d.RunJob(context.Background(), job); err != nil {
				t.Errorf("the job %s: %v", job, err)
			}
		}
	}
	d.Settle()
	points, err := d.Plugins.Hooked(d.asDesk())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		for _, h := range p.Handlers {
			if h.Failures > 0 {
				t.Errorf("the handler %s@%s failed %d times: %s", h.Name, p.Name, h.Failures, h.LastFailure)
			}
		}
	}
	for _, line := range d.Errors() {
		t.Errorf("the desk logged an error: %s", line)
	}
}

// live is the life of two tickets in which all texts are text.
func (s *suite) live(t testing.TB, d *Desk, text string) {
	customer, agent, admin := d.As(Customer), d.As(Agent), d.As(Admin)
	try := func(what string, err error) {
		if kind := core.KindOf(err); err != nil && kind != core.Invalid && kind != core.Conflict && kind != core.NotFound {
			t.Errorf("with %.40q: %s: %v", text, what, err)
		}
	}
	first, err := d.Tickets.Create(customer, core.TicketDraft{Subject: text, Body: strings.Repeat(text, 100), Tags: []string{"one", "two"}})
	try("create", err)
	second, err := d.Tickets.Create(agent, core.TicketDraft{Subject: "another", Body: text, RequesterID: d.PersonID(Stranger)})
	try("create", err)
	if first.ID == 0 || second.ID == 0 {
		return // vetoed, or reported above
	}
	path := fmt.Sprintf("/api/tickets/%d", first.ID)
	for _, step := range []struct {
		who     Who
		request string
		body    any
	}{
		{Agent, "POST " + path + "/replies", map[string]any{"body": text}},
		{Agent, "POST " + path + "/replies", map[string]any{"body": text, "internal": true}},
		{Customer, "POST " + path + "/replies", map[string]any{"body": text}},
		{Agent, "POST " + path + "/assign", map[string]any{"assignee": "me"}},
		{Agent, "PATCH " + path, map[string]any{"subject": text, "priority": "urgent", "type": "incident"}},
		{Agent, "POST " + path + "/status", map[string]any{"status": "resolved"}},
		{Customer, "PATCH " + path, map[string]any{"status": "reopened"}},
		{Agent, "POST " + path + "/assign", map[string]any{"assignee": nil}},
		{Agent, "GET /api/tickets?sort=-updated&count=true", nil},
		{Customer, "GET " + path, nil},
		{Agent, "GET /api/dashboard", nil},
	} {
		if r := d.Do(step.who, step.request, step.body); r.Status >= 500 {
			t.Errorf("with %.40q: %s", text, r)
		}
	}
	_, err = d.Tickets.Merge(agent, first.ID, []int64{second.ID})
	try("merge", err)
	_, err = d.Tickets.Unmerge(agent, second.ID)
	try("unmerge", err)
	_, err = d.Tickets.Delete(admin, second.ID)
	try("delete", err)
	_, err = d.Tickets.Restore(admin, second.ID)
	try("restore", err)
}

// checkTwice sets the plugin's places in the log back to the start, so that all
// events come again.
func (s *suite) checkTwice(t testing.TB, db Database) {
	d := s.desk(t, db)
	s.play(t, d)
	s.live(t, d, "An ordinary text.")
	d.Settle()
	once := d.dump(s.id())
	d.stop()
	set := d.DB.Table(d.Config.TablePrefix+"consumers").Where("name LIKE ?", s.id()+".%").Update("cursor", 0)
	if set.Error != nil {
		t.Fatal(set.Error)
	}
	d.Reopen(s.plugins()...)
	d.Settle()
	if diff := differ(once, d.dump(s.id())); diff != "" {
		t.Errorf("events that were delivered a second time changed the plugin's tables:\n%s", diff)
	}
}

// soon is how fast work must end whose context has, on a busy machine.
const soon = time.Second

// checkCancel takes its context from everything that runs the plugin's code.
func (s *suite) checkCancel(t testing.TB, db Database) {
	d := s.desk(t, db)
	d.AllowErrors()
	ticket := s.play(t, d)
	for _, r := range s.routes(t, d) {
		s.leave(t, d, r.String(), func(ctx context.Context) { r.send(ctx, d, r.insider(), r.target(ticket, nil), r.sample()) })
	}
	for _, job := range s.jobs(d) {
		s.leave(t, d, "the job "+job, func(ctx context.Context) { _ = d.RunJob(ctx, job) }) // it may well fail
	}
	agent := core.ActorFrom(d.As(Agent))
	as := func(ctx context.Context) context.Context { return core.As(ctx, agent) }
	high := core.High
	for name, act := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := d.Tickets.Create(as(ctx), core.TicketDraft{Subject: "Gone", Body: "Gone."})
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := d.Tickets.Update(as(ctx), ticket.ID, core.TicketPatch{Priority: &high})
			return err
		},
		"reply": func(ctx context.Context) error {
			_, err := d.Replies.Add(as(ctx), ticket.ID, core.ReplyDraft{Body: "Gone."})
			return err
		},
		"list": func(ctx context.Context) error { _, err := d.Tickets.List(as(ctx), core.TicketQuery{}); return err },
		"show": func(ctx context.Context) error { _, err := d.Tickets.View(as(ctx), ticket); return err },
	} {
		s.leave(t, d, name, func(ctx context.Context) { _ = act(ctx) }) // it may well fail
	}
}

// leave runs act, ends its context while it runs and wants it back soon.
func (s *suite) leave(t testing.TB, _ *Desk, what string, act func(context.Context)) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond} {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); act(ctx) }()
		time.Sleep(after)
		cancel()
		select {
		case <-done:
		case <-time.After(soon):
			t.Errorf("%s goes on %v after its context has ended", what, soon)
			<-done
		}
	}
}

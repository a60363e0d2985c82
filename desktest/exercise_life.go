package desktest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// ordinary is a text with nothing special in it.
const ordinary = "An ordinary text."

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
	if len(s.live(t, d, ordinary)) == 0 {
		t.Error("the plugin refuses a ticket about nothing special")
	}
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
	s.wellBehaved(t, d)
}

// wellBehaved wants that no handler has failed and no error was logged.
func (*suite) wellBehaved(t testing.TB, d *Desk) {
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

// life is what happens to two tickets in which all texts are text. A plugin may
// refuse any of it.
type life struct {
	t                       testing.TB
	d                       *Desk
	text                    string
	customer, agent, admin  context.Context //nolint:containedctx // who acts, not how long
	first, second, splitOff core.Ticket
	answer, note            core.Reply
}

// live is such a life. It returns the tickets, and none when a plugin refused to
// have them.
func (*suite) live(t testing.TB, d *Desk, text string) []core.Ticket {
	l := &life{t: t, d: d, text: text, customer: d.As(Customer), agent: d.As(Agent), admin: d.As(Admin)}
	l.open()
	if l.first.ID == 0 || l.second.ID == 0 {
		return nil
	}
	l.talk()
	l.handle()
	l.join()
	all := []core.Ticket{l.first, l.second, l.splitOff}
	return slices.DeleteFunc(all, func(t core.Ticket) bool { return t.ID == 0 })
}

// try wants that something succeeds or is refused.
func (l *life) try(what string, err error) {
	if kind := core.KindOf(err); err != nil && kind != core.Invalid && kind != core.Conflict && kind != core.NotFound {
		l.t.Errorf("with %.40q: %s: %v", l.text, what, err)
	}
}

func (l *life) open() {
	for _, name := range []string{"one", "two"} {
		_, err := l.d.Tags.Create(l.admin, core.TagPatch{Name: &name})
		l.try("make a tag", err) // it may be there already
	}
	file, err := l.d.Attachments.Upload(l.customer, "text.txt", strings.NewReader(l.text))
	l.try("upload", err)
	draft := core.TicketDraft{Subject: l.text, Body: strings.Repeat(l.text, 100)}
	if file.ID != 0 {
		draft.Attachments = []int64{file.ID}
	}
	l.first, err = l.d.Tickets.Create(l.customer, draft)
	l.try("create", err)
	_, err = l.d.Tickets.Update(l.agent, l.first.ID, core.TicketPatch{Tags: &[]string{"one", "two"}})
	l.try("tag", err)
	l.second, err = l.d.Tickets.Create(l.agent, core.TicketDraft{Subject: "another", Body: l.text, RequesterID: l.d.PersonID(Stranger)})
	l.try("create", err)
}

func (l *life) talk() {
	var err error
	l.answer, err = l.d.Replies.Add(l.agent, l.first.ID, core.ReplyDraft{Body: l.text})
	l.try("answer", err)
	l.note, err = l.d.Replies.Add(l.agent, l.first.ID, core.ReplyDraft{Body: l.text, Internal: true})
	l.try("note", err)
	_, err = l.d.Replies.Add(l.customer, l.first.ID, core.ReplyDraft{Body: l.text})
	l.try("answer back", err)
	_, err = l.d.Replies.Edit(l.agent, l.first.ID, l.answer.ID, core.ReplyPatch{Body: l.text + "!"})
	l.try("edit", err)
	l.try("delete a note", l.d.Replies.Delete(l.agent, l.first.ID, l.note.ID))
}

// handle is what the pages of agents and customers ask for.
func (l *life) handle() {
	path := fmt.Sprintf("/api/tickets/%d", l.first.ID)
	for _, step := range []struct {
		who     Who
		request string
		body    any
	}{
		{Agent, "POST " + path + "/assign", map[string]any{"assignee": "me"}},
		{Agent, "POST " + path + "/tags", map[string]any{"tags": []string{"two"}}},
		{Agent, "PATCH " + path, map[string]any{"subject": l.text, "priority": "urgent", "type": "incident"}},
		{Agent, "POST " + path + "/status", map[string]any{"status": "resolved"}},
		{Customer, "PATCH " + path, map[string]any{"status": "reopened"}},
		{Agent, "POST " + path + "/assign", map[string]any{"assignee": nil}},
		{Agent, "GET /api/tickets?sort=-updated&count=true", nil},
		{Customer, "GET " + path, nil},
		{Agent, "GET /api/dashboard", nil},
	} {
		if r := l.d.Do(step.who, step.request, step.body); r.Status >= 500 {
			l.t.Errorf("with %.40q: %s", l.text, r)
		}
	}
}

func (l *life) join() {
	var err error
	l.splitOff, err = l.d.Tickets.Split(l.agent, l.first.ID, l.answer.ID, l.text)
	l.try("split", err)
	_, err = l.d.Tickets.Merge(l.agent, l.first.ID, []int64{l.second.ID})
	l.try("merge", err)
	_, err = l.d.Tickets.Unmerge(l.agent, l.second.ID)
	l.try("unmerge", err)
	_, err = l.d.Tickets.Delete(l.admin, l.second.ID)
	l.try("delete", err)
	_, err = l.d.Tickets.Restore(l.admin, l.second.ID)
	l.try("restore", err)
}

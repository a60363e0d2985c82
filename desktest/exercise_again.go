package desktest

import (
	"context"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// checkTwice sets the plugin's places in the log back to the start, so that all
// events come again, and looks at the whole database: a second note, tag or event
// tells of it as well as a row of the plugin's own.
func (s *suite) checkTwice(t testing.TB, db Database) {
	d := s.desk(t, db)
	s.play(t, d)
	s.live(t, d, ordinary)
	d.Settle()
	once := d.world()
	d.stop()
	set := d.DB.Table(d.Config.TablePrefix+"consumers").Where("name LIKE ?", s.id()+".%").Update("cursor", 0)
	if set.Error != nil {
		t.Fatal(set.Error)
	}
	d.Reopen(s.plugins()...)
	d.Settle()
	if diff := differ(once, d.world()); diff != "" {
		t.Errorf("events that were delivered a second time changed the database:\n%s", diff)
	}
}

// world is every row but how far the handlers have got in the log.
func (d *Desk) world() []string {
	d.t.Helper()
	return d.dumpBut(d.Config.TablePrefix + "consumers")
}

// soon is how fast work must end whose context has, on a busy machine.
const soon = time.Second

// checkCancel takes its context from everything that runs the plugin's code.
func (s *suite) checkCancel(t testing.TB, db Database) {
	d := s.desk(t, db)
	d.AllowErrors()
	ticket := s.play(t, d)
	for _, r := range s.routes(t, d) {
		leave(t, r.String(), func(ctx context.Context) { r.send(ctx, d, r.insider(), r.target(ticket, nil), r.sample()) })
	}
	for _, job := range s.jobs(d) {
		leave(t, "the job "+job, func(ctx context.Context) { _ = d.RunJob(ctx, job) }) // it may well fail
	}
	acts(d, ticket, func(name string, act func(context.Context) error) {
		leave(t, name, func(ctx context.Context) { _ = act(ctx) }) // it may well fail
	})
	s.live(t, d, ordinary)
	start := time.Now()
	d.stop()
	if took := time.Since(start); took > soon {
		t.Errorf("the desk took %v to stop: an After handler or a job goes on after its context has ended", took)
	}
}

// acts gives each the changes and views of a ticket that run hooks.
func acts(d *Desk, ticket core.Ticket, each func(name string, act func(context.Context) error)) {
	agent := core.ActorFrom(d.As(Agent))
	do := func(name string, act func(context.Context) error) {
		each(name, func(ctx context.Context) error { return act(core.As(ctx, agent)) })
	}
	update := func(p core.TicketPatch) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := d.Tickets.Update(ctx, ticket.ID, p)
			return err
		}
	}
	high, done := core.High, core.StatusResolved
	do("create", func(ctx context.Context) error {
		_, err := d.Tickets.Create(ctx, core.TicketDraft{Subject: "Gone", Body: "Gone."})
		return err
	})
	do("update", update(core.TicketPatch{Priority: &high}))
	do("assign", update(core.TicketPatch{Assignee: core.Maybe[int64]{Set: true, Value: &agent.Person.ID}}))
	do("reply", func(ctx context.Context) error {
		_, err := d.Replies.Add(ctx, ticket.ID, core.ReplyDraft{Body: "Gone."})
		return err
	})
	do("list", func(ctx context.Context) error { _, err := d.Tickets.List(ctx, core.TicketQuery{}); return err })
	do("show", func(ctx context.Context) error { _, err := d.Tickets.View(ctx, ticket); return err })
	do("status", update(core.TicketPatch{Status: &done}))
}

// leave runs act, ends its context at once or after a while, and wants it back
// soon.
func leave(t testing.TB, what string, act func(context.Context)) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond} {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); act(ctx) }()
		select {
		case <-done:
		case <-time.After(after):
		}
		cancel()
		select {
		case <-done:
			continue
		case <-time.After(soon):
			t.Errorf("%s goes on %v after its context has ended", what, soon)
		}
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("%s never ends", what)
		}
	}
}

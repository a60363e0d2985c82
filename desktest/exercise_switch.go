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

func (*suite) turn(d *Desk, id, how string) {
	d.Do(Admin, "POST /api/plugins/"+id+"/"+how, nil).Want(200)
}

func (s *suite) checkSwitch(t testing.TB, db Database) {
	d := s.desk(t, db)
	s.play(t, d)
	handlers, jobs, routes, goroutines := s.handlers(t, d), s.jobs(d), s.rows(t, d), d.goroutines()
	bare := s.bare(t, db).idle()
	for range 10 {
		s.turn(d, s.id(), "disable")
		s.turn(d, s.id(), "enable")
	}
	s.turn(d, s.id(), "disable")
	if !within(2*time.Second, func() bool { return d.goroutines() <= bare }) {
		t.Errorf("switched off, the plugin leaves %d goroutines running:\n%s", d.goroutines()-bare, d.stacks())
	}
	s.turn(d, s.id(), "enable")
	d.Settle()
	if diff := differ(handlers, s.handlers(t, d)); diff != "" {
		t.Errorf("the handlers are others than before:\n%s", diff)
	}
	if diff := differ(jobs, s.jobs(d)); diff != "" {
		t.Errorf("the jobs are others than before:\n%s", diff)
	}
	if diff := differ(routes, s.rows(t, d)); diff != "" {
		t.Errorf("the routes are others than before:\n%s", diff)
	}
	if !within(2*time.Second, func() bool { return d.goroutines() <= goroutines }) {
		t.Errorf("of %d goroutines %d were made:\n%s", goroutines, d.goroutines(), d.stacks())
	}
	s.play(t, d)
}

// bare is a desk on which the plugin has its tables and does nothing.
func (s *suite) bare(t testing.TB, db Database) *Desk {
	plugins := []core.Plugin{tablesOnly{s.fresh()}}
	for _, other := range s.beside {
		plugins = append(plugins, other())
	}
	d := New(t, db, plugins...)
	d.Ticket(Customer)
	d.Settle()
	return d
}

func (s *suite) checkOff(t testing.TB, db Database) {
	d := s.desk(t, db)
	ticket := s.play(t, d)
	before := d.dump(s.id())
	s.turn(d, s.id(), "disable")
	d.Settle()
	for _, r := range s.routes(t, d) {
		if got := r.send(context.Background(), d, r.insider(), r.target(ticket, nil), r.sample()); got.Status != 404 && got.Status != 405 {
			t.Errorf("a route of a plugin that is off: %s", got)
		}
	}
	if handlers := s.handlers(t, d); len(handlers) > 0 {
		t.Errorf("handlers of a plugin that is off: %v", handlers)
	}
	doc := openAPI(t, d)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if slices.Contains(op.Tags, s.id()) {
				t.Errorf("OpenAPI still shows %s %s", method, path)
			}
		}
	}
	d.AllowErrors()
	s.live(t, d, ordinary)
	d.Reopen(s.plugins()...) // a plugin stays off over a restart
	s.live(t, d, ordinary)
	d.Leap(25 * time.Hour)
	d.Settle()
	if diff := differ(before, d.dump(s.id())); diff != "" {
		t.Errorf("the data of a plugin that is off changed:\n%s", diff)
	}
	s.turn(d, s.id(), "enable")
	s.play(t, d)
	for _, line := range d.Errors() {
		t.Errorf("the desk logged an error: %s", line)
	}
}

func (s *suite) checkRestart(t testing.TB, db Database) {
	d := s.desk(t, db)
	s.play(t, d)
	before := d.dump(s.id())
	d.Reopen(s.plugins()...)
	d.Settle()
	if diff := differ(before, d.dump(s.id())); diff != "" {
		t.Errorf("the restart changed the plugin's tables:\n%s", diff)
	}
	s.play(t, d)
	d.stop()
	if err := closeDB(d.DB); err != nil {
		t.Error(err)
	}
	if !within(2*time.Second, func() bool { return d.goroutines() == 0 }) {
		t.Errorf("goroutines live on after the desk:\n%s", d.stacks())
	}
}

// checkTwo has two desks on one database, by their prefixes.
func (s *suite) checkTwo(t testing.TB, db Database) {
	one := s.desk(t, db)
	two := NewWith(t, db, func(c *core.Config) { c.DB, c.TablePrefix = one.DB, otherPrefix }, s.plugins()...)
	for _, pair := range [][2]*Desk{{one, two}, {two, one}} {
		busy, idle := pair[0], pair[1]
		s.turn(idle, s.id(), "disable") // what is off at one is on at the other
		s.turn(idle, s.id(), "enable")
		idle.Settle()
		ticket := idle.Ticket(Customer)
		idle.Settle()
		rows, last, answers := idle.dump(s.id()), idle.lastEvent(), s.answers(t, idle, ticket)
		s.play(t, busy)
		idle.Settle()
		if diff := differ(rows, idle.dump(s.id())); diff != "" {
			t.Errorf("what happened at one desk changed the tables of the other:\n%s", diff)
		}
		for route, answer := range s.answers(t, idle, ticket) {
			if before := answers[route]; before != answer {
				t.Errorf("what happened at one desk changed the answers of the other: %s: %s\nand then %s", route, before, answer)
			}
		}
		if n := idle.lastEvent(); n != last {
			t.Errorf("what happened at one desk made events at the other: %v", idle.Events(0)[last:])
		}
	}
	if got, want := strings.Join(s.handlers(t, two), " "), strings.Join(s.handlers(t, one), " "); got != want {
		t.Errorf("the second desk has the handlers %s, the first %s", got, want)
	}
}

// answers are what the plugin's GET routes say, but those that say something
// else each time.
func (s *suite) answers(t testing.TB, d *Desk, ticket core.Ticket) map[string]string {
	out := map[string]string{}
	for _, r := range s.routes(t, d) {
		if r.method != "GET" {
			continue
		}
		get := func() string {
			return r.send(context.Background(), d, r.insider(), r.target(ticket, nil), nil).String()
		}
		if first := get(); get() == first {
			out[r.String()] = first
		}
	}
	return out
}

// rows are the plugin's routes, a line each.
func (s *suite) rows(t testing.TB, d *Desk) (lines []string) {
	for _, r := range s.routes(t, d) {
		lines = append(lines, fmt.Sprintf("%v %v", r, r.Policy))
	}
	return lines
}

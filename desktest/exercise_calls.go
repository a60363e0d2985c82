package desktest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// hooked is a handler of the plugin at its point.
type hooked struct {
	hooks.HandlerInfo
	point, kind string
}

// hooked are the plugin's handlers, but those by which it is stopped.
func (s *suite) hooked(t testing.TB, d *Desk) (out []hooked) {
	points, err := d.Plugins.Hooked(d.asDesk())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		for _, h := range p.Handlers {
			if h.Plugin == s.id() && !p.Transient {
				out = append(out, hooked{h, p.Name, p.Kind})
			}
		}
	}
	return out
}

// checkOdd sends each handler what no desk of this version would.
func (s *suite) checkOdd(t testing.TB, db Database) {
	d, p := s.living(t, db)
	binary, ok := d.Config.Plugins[0].(*external.Plugin)
	if !ok {
		t.Fatalf("%T is no binary", d.Config.Plugins[0])
	}
	for _, h := range s.hooked(t, d) {
		name := strings.TrimPrefix(h.Name, s.id()+".")
		for _, payload := range strange {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err := binary.Try(ctx, h.point, name, json.RawMessage(payload))
			cancel()
			if err != nil && strings.Contains(err.Error(), "panic") {
				t.Errorf("%s@%s panics at %.60s: %v", h.Name, h.point, payload, err)
			}
			if err != nil && strings.Contains(err.Error(), "has just ended") {
				within(soon, func() bool { return d.process().PID != p.PID }) // the desk hears of it a little later
			}
			if now := d.process(); now.PID != p.PID {
				t.Errorf("%s@%s ended its process at %.60s: %s", h.Name, h.point, payload, now.LastError)
				p = d.ready(p.PID)
			}
		}
		s.renew(d, p.PID) // which closes the breaker as well
		p = d.process()
	}
	s.play(t, d)
}

// strange are payloads, as JSON or nearly, that some handler does not bear.
var strange = []string{
	`{}`, `null`, `{"no_such_field":{"deep":[1,2,3]}}`, `[]`, `"text"`, `0`, ``, `{`, "{\"subject\":\"\xff\xfe\"}",
	`{"subject":null,"body":null,"tags":null,"ticket":null,"reply":null,"old":null,"new":null,"changed":null}`,
	`{"ticket":{"id":-1,"subject":"","tags":null},"reply":{"id":9223372036854775807}}`,
	`{"subject":"` + strings.Repeat("👍", 100_000) + `"}`,
	`{"ticket":{"subject":"\u0000\ud800"},"subject":"\u0000"}`,
	strings.Repeat(`{"a":`, 2000) + `1` + strings.Repeat(`}`, 2000),
}

func (s *suite) checkPermissions(t testing.TB, db Database) {
	d, _ := s.living(t, db)
	ticket := s.tryPlay(t, d)
	s.live(t, d, ordinary)
	d.hearOut()
	for _, r := range s.answered(t, d) {
		r.send(context.Background(), d, r.insider(), r.target(ticket, nil), r.sample())
	}
	for _, job := range s.jobs(d) {
		_ = d.RunJob(context.Background(), job) // whether it fails is said elsewhere
	}
	for _, line := range d.lines() {
		if strings.Contains(line, "has no permission") {
			t.Errorf("its manifest does not name what it asks for: %s", line)
		}
	}
}

// hearOut waits for the events for a while, and does not mind when they fail.
func (d *Desk) hearOut() { within(2*time.Second, d.settled) }

// tryPlay is play for a plugin that may not let a ticket be; then it has no id.
func (s *suite) tryPlay(t testing.TB, d *Desk) core.Ticket {
	ticket, err := d.Tickets.Create(d.As(Customer), core.TicketDraft{Subject: ordinary, Body: ordinary})
	if err != nil {
		return core.Ticket{}
	}
	for _, scene := range s.scenarios {
		scene(t, d, ticket)
	}
	return ticket
}

// checkSaved saves other settings and looks whether the process lives on with
// them.
func (s *suite) checkSaved(t testing.TB, db Database) {
	if s.fresh().Manifest().Settings == nil {
		return
	}
	d, p := s.living(t, db)
	put := "PUT /api/settings/" + s.id()
	shown := s.shown(t, d)
	for name, value := range shown {
		changed := maps.Clone(shown)
		changed[name] = another(value)
		if r := d.Do(Admin, put, map[string]any{"value": changed}); r.Status != 200 {
			continue // it may be refused
		}
		if !within(2*time.Second, func() bool { return d.settingsCross(t, s.id()) }) {
			t.Errorf("the setting %s was saved, and did not reach the process within 2 s", name)
		}
		if now := d.process(); now.State != "ready" || now.PID != p.PID {
			t.Errorf("the setting %s was saved, and the process did not bear it: %+v", name, now)
			p = d.ready(0)
		}
	}
	s.play(t, d)
}

// settingsCross reports whether the process has the settings of now.
func (d *Desk) settingsCross(t testing.TB, id string) bool {
	binary, ok := d.Config.Plugins[0].(*external.Plugin)
	if !ok {
		t.Fatalf("%s is no binary", id)
	}
	return binary.Current()
}

// shown are the plugin's settings, as an admin sees them.
func (s *suite) shown(t testing.TB, d *Desk) (shown map[string]any) {
	for _, one := range s.settings(t, d) {
		if one.Owner == s.id() {
			if err := json.Unmarshal(one.Value, &shown); err != nil {
				t.Fatal(err)
			}
		}
	}
	return shown
}

// checkCalls leads a ticket through its life and says what was called, how often
// and how long it took.
func (s *suite) checkCalls(t testing.TB, db Database) {
	d, first := s.living(t, db)
	ticket := s.tryPlay(t, d)
	for range 5 {
		s.live(t, d, ordinary)
	}
	d.hearOut()
	for _, r := range s.answered(t, d) {
		began := time.Now()
		r.send(context.Background(), d, r.insider(), r.target(ticket, nil), r.sample())
		if time.Since(began) > 2*time.Second {
			t.Errorf("the route %v did not answer within 2 s", r)
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "point\thandler\tcalls\tfailures\tvetoes\tmean\tp50 <\tp99 <\tdeadline")
	for _, h := range s.hooked(t, d) {
		mean := h.Total / time.Duration(max(h.Calls, 1))
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%v\t%v\t%v\t%v\n", h.point, h.Name, h.Calls, h.Failures, h.Vetoes,
			mean.Round(time.Microsecond), h.P50, h.P99, h.Timeout)
		if h.Failures > 0 {
			t.Errorf("%s@%s failed %d times of %d: %s", h.Name, h.point, h.Failures, h.Calls, h.LastFailure)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if now := d.process(); now.PID != first.PID {
		t.Errorf("its process ended: %s", now.LastError)
	}
	t.Logf("what a ticket's life calls:\n%s", table.String())
}

// lines are all that the desk has logged so far.
func (d *Desk) lines() []string {
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	return slices.Clone(d.journal.lines)
}

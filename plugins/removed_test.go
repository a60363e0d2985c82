// Package plugins_test holds the promise that is about all first-party plugins: a
// desk from which one is taken is the desk that never had it.
package plugins_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/kb"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
	"github.com/hookdesk/hookdesk/plugins/sla"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

var plugins = map[string]func() core.Plugin{
	"kb":         func() core.Plugin { return kb.New(kb.Config{}) },
	"savedviews": func() core.Plugin { return savedviews.New(savedviews.Config{}) },
	"sla":        func() core.Plugin { return sla.New(sla.Config{}) },
	"snooze":     func() core.Plugin { return snooze.New(snooze.Config{}) },
}

// script is a day at a desk, with what people ask for and what the desk refuses. It
// leaves out the lists of plugins and of settings, which show one that is off to
// who may switch it on.
var script = []struct {
	who     desktest.Who
	request string
	body    any
}{
	{desktest.Customer, "POST /api/tickets", fields{"subject": "A broken lamp", "body": "It is dark.", "priority": "urgent"}},
	{desktest.Anonymous, "POST /api/guest/tickets", fields{"subject": "Hello", "body": "Is anybody there?", "name": "Guest", "email": "guest@example.com"}},
	{desktest.Agent, "GET /api/tickets", nil},
	{desktest.Agent, "GET /api/tickets?open=true&sort=-priority", nil},
	{desktest.Agent, "GET /api/tickets?snoozed=only", nil},
	{desktest.Agent, "GET /api/tickets?sla=breached", nil},
	{desktest.Agent, "GET /api/tickets?view=1", nil},
	{desktest.Agent, "GET /api/tickets?sort=sla", nil},
	{desktest.Customer, "GET /api/tickets/1", nil},
	{desktest.Agent, "GET /api/tickets/1", nil},
	{desktest.Agent, "POST /api/tickets/1/replies", fields{"body": "Is it plugged in?"}},
	{desktest.Agent, "POST /api/tickets/1/replies", fields{"body": "A note", "internal": true}},
	{desktest.Customer, "GET /api/tickets/1/replies", nil},
	{desktest.Agent, "GET /api/tickets/1/activities", nil},
	{desktest.Admin, "PATCH /api/tickets/1", fields{"status": "resolved", "version": 2}},
	{desktest.Customer, "POST /api/tickets/1/replies", fields{"body": "It was not. Now it is dark again."}},
	{desktest.Agent, "POST /api/tickets/2/assign", fields{"assignee": 4}},
	{desktest.Agent, "POST /api/tickets/1/merge", fields{"sources": []int{2}}},
	{desktest.Agent, "GET /api/dashboard", nil},
	{desktest.Agent, "GET /api/tickets/1/sla", nil},
	{desktest.Agent, "PUT /api/tickets/1/snooze", fields{"until": "2030-01-01T00:00:00Z"}},
	{desktest.Agent, "GET /api/views", nil},
	{desktest.Anonymous, "GET /api/kb/pages", nil},
	{desktest.Admin, "GET /api/hooks", nil},
	{desktest.Admin, "GET /api/panels", nil},
	{desktest.Admin, "GET /api/jobs", nil},
	{desktest.Anonymous, "GET /api/openapi.json", nil},
}

type fields = map[string]any

// secrets are what differs from one desk to the next.
var secrets = regexp.MustCompile(`"(token|guest_token|duration|p50|p99)":\s*"?[^",}]*"?`)

// transcript is what the desk answers, and the events that came of it.
func transcript(d *desktest.Desk) (lines []string) {
	for _, line := range script {
		r := d.Do(line.who, line.request, line.body)
		lines = append(lines, secrets.ReplaceAllString(r.String(), `"$1":"…"`))
		d.Settle()
		d.Leap(time.Minute)
	}
	for _, e := range d.Events(0) {
		if !strings.HasPrefix(e.Type, "plugin.") {
			lines = append(lines, "event "+e.Type)
		}
	}
	return lines
}

func TestADeskWithoutAPluginIsTheDeskThatNeverHadIt(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		idle := core.Inline("idle", func(core.Host) error { return nil })
		never := desktest.New(t, db, idle)
		off(never, "idle") // as each desk here has something switched off
		want := transcript(never)
		wantTalk(t, want)
		for _, name := range slices.Sorted(maps.Keys(plugins)) {
			t.Run(name+" removed", func(t *testing.T) {
				t.Parallel()
				d := desktest.New(t, db, plugins[name]())
				d.Settle()
				d.Reopen(idle)
				off(d, "idle")
				compare(t, want, transcript(d))
			})
			t.Run(name+" off", func(t *testing.T) {
				t.Parallel()
				d := desktest.New(t, db, plugins[name]())
				off(d, name)
				compare(t, lived(want), lived(transcript(d)))
			})
		}
	})
}

// lived is a transcript without the lists of hook points and jobs, which show the
// admin what a plugin that is off has.
func lived(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return strings.HasPrefix(line, "GET /api/hooks") || strings.HasPrefix(line, "GET /api/jobs")
	})
}

func off(d *desktest.Desk, plugin string) {
	d.Do(desktest.Admin, "POST /api/plugins/"+plugin+"/disable", nil).Want(200)
	d.Settle()
}

// wantTalk wants that the script is one: most of core's answers are good, and
// what only a plugin knows is refused.
func wantTalk(t *testing.T, lines []string) {
	t.Helper()
	good := 0
	for _, line := range lines {
		if strings.Contains(line, ": 20") {
			good++
		}
	}
	if refused := len(script) - good; good < 18 || refused < 8 {
		t.Errorf("%d good answers of %d, want 18 at least and 8 refusals:\n%s", good, len(script), strings.Join(lines, "\n"))
	}
}

func compare(t *testing.T, want, got []string) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		a, b := "nothing", "nothing"
		if i < len(want) {
			a = want[i]
		}
		if i < len(got) {
			b = got[i]
		}
		if a != b {
			t.Errorf("core alone says\n%s\nand this desk\n%s", a, b)
			return
		}
	}
}

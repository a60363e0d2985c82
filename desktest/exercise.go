package desktest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external"
)

// Scenario makes a plugin do what it is for, with a ticket of Customer's: snooze
// it, say. It acts through d as any test does and fails t when it cannot. It may
// be called for several tickets of one desk.
type Scenario func(t testing.TB, d *Desk, ticket core.Ticket)

// Option tells Exercise more about a plugin.
type Option func(*suite)

// With adds scenarios. Without any, the suite sees of tables and events only
// what an ordinary ticket leaves in them.
func With(scenarios ...Scenario) Option {
	return func(s *suite) { s.scenarios = append(s.scenarios, scenarios...) }
}

// Beside adds plugins that the one under test requires.
func Beside(plugin func() core.Plugin) Option {
	return func(s *suite) { s.beside = append(s.beside, plugin) }
}

// suite is one plugin under test.
type suite struct {
	fresh     func() core.Plugin
	beside    []func() core.Plugin
	scenarios []Scenario
	name      func() string // the id, where it is costly to ask for

	// of a plugin in a process of its own
	how   []external.Option
	only  []string // checks; none: all
	mark  string   // in the environment of its processes
	alone bool     // there is nothing else in this process
}

// check is one thing that holds for every good plugin.
type check struct {
	name string
	why  string // what an author wants to read when it fails
	run  func(*suite, testing.TB, Database)
}

var checks = []check{
	{"manifest", "Manifest is pure data: the same at each call, callable before anything runs", (*suite).checkManifest},
	{"register", "Register attaches things; it starts no goroutine and writes nothing (OnStart is for that)", (*suite).checkRegister},
	{"settings", "each setting has a json name and a doc, its default is valid, what is secret says so, and it can be saved", (*suite).checkSettings},
	{"migrations", "up, down and up again: nothing is left, and nothing is missing", (*suite).checkMigrations},
	{"tables", "a plugin makes tables of its own, named {{.Prefix}}{{.Owner}}_…, and leaves all others alone", (*suite).checkTables},
	{"life", "the desk works as before with the plugin in it, whatever people write", (*suite).checkLife},
	{"routes", "strangers get 401, 403 or 404, nonsense gets 400, 415 or 422, nobody gets 500", (*suite).checkRoutes},
	{"twice", "After handlers are given an event at least once: a second time changes nothing", (*suite).checkTwice},
	{"kill", "a process may die in the middle of an After handler; the event comes again: all effects of an event in one h.Once or h.Change", (*suite).checkKill},
	{"cancel", "who has gone away is not worked for: handlers, routes and jobs heed their context", (*suite).checkCancel},
	{"purge", "a ticket that is purged leaves nothing behind: ticket_id REFERENCES {{.Prefix}}tickets ON DELETE CASCADE", (*suite).checkPurge},
	{"switch", "ten times off and on leave handlers, routes, jobs and goroutines as they were", (*suite).checkSwitch},
	{"descriptors", "ten times off and on leave no file and no connection open", (*suite).checkDescriptors},
	{"off", "switched off, a plugin does nothing and keeps its data", (*suite).checkOff},
	{"restart", "after a restart all is there; after a stop nothing runs", (*suite).checkRestart},
	{"two", "two desks in one process know nothing of each other: no package variables", (*suite).checkTwo},
}

// Exercise holds a plugin to what every plugin of Hookdesk promises, on both
// databases (with -short, on SQLite alone); each check is a subtest that says why it matters. fresh makes a new
// plugin at each call, as a host's main would.
func Exercise(t *testing.T, fresh func() core.Plugin, options ...Option) {
	t.Helper()
	s := newSuite(fresh, options...)
	Each(t, func(t *testing.T, db Database) {
		if testing.Short() && db != SQLite {
			t.Skip("with -short, one database is enough for the suite")
		}
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) {
				failures, lines := attempt(t, func(t testing.TB) { c.run(s, t, db) })
				if len(failures) == 0 {
					return
				}
				t.Errorf("%s:\n%s", c.why, strings.Join(failures, "\n"))
				t.Logf("the log:\n%s", strings.Join(lines, "\n"))
			})
		}
	})
}

func newSuite(fresh func() core.Plugin, options ...Option) *suite {
	s := &suite{fresh: fresh}
	for _, o := range options {
		o(s)
	}
	return s
}

// plugins are a new plugin and those that it requires.
func (s *suite) plugins() []core.Plugin {
	list := []core.Plugin{s.fresh()}
	for _, other := range s.beside {
		list = append(list, other())
	}
	return list
}

func (s *suite) id() string {
	if s.name != nil {
		return s.name()
	}
	return s.fresh().Manifest().ID
}

func (s *suite) desk(t testing.TB, db Database) *Desk { return New(t, db, s.plugins()...) }

// play makes a ticket and lets every scenario have it.
func (s *suite) play(t testing.TB, d *Desk) core.Ticket {
	ticket := d.Ticket(Customer)
	for _, scene := range s.scenarios {
		scene(t, d, ticket)
	}
	d.Settle()
	return ticket
}

// handlers are the names of the plugin's handlers, each with its point.
func (s *suite) handlers(t testing.TB, d *Desk) []string {
	points, err := d.Plugins.Hooked(d.asDesk())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range points {
		for _, h := range p.Handlers {
			if h.Plugin == s.id() || strings.HasPrefix(h.Name, s.id()+".") {
				names = append(names, h.Name+"@"+p.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// jobs are the names of the plugin's jobs.
func (s *suite) jobs(d *Desk) (names []string) {
	all, err := d.Schedule.List(d.asDesk())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, j := range all {
		if strings.HasPrefix(j.Name, s.id()+".") {
			names = append(names, j.Name)
		}
	}
	return names
}

// differ says how two lists of lines differ, "" when they do not.
func differ(before, after []string) string {
	more := map[string]int{} // how often a line is there more often than before
	for _, line := range after {
		more[line]++
	}
	for _, line := range before {
		more[line]--
	}
	var out []string
	for line, n := range more {
		for range n {
			out = append(out, "+ "+line)
		}
		for range -n {
			out = append(out, "- "+line)
		}
	}
	slices.Sort(out)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(a[2:], b[2:]) })
	return strings.Join(out, "\n")
}

package classify_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/examples/external-plugin-go/classify"
	"github.com/hookdesk/hookdesk/plugins/external"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// TestMain lets a desk run this test binary as the plugin.
func TestMain(m *testing.M) {
	if os.Getenv(protocol.Handshake().MagicCookieKey) != "" {
		sdk.Serve(classify.New())
		return
	}
	os.Exit(m.Run())
}

// ways are the two in which a desk has the plugin. Whatever is tested is tested in
// both: there is no other host to try a plugin on than a desk.
var ways = map[string]func(t *testing.T) core.Plugin{
	"in the desk's process": func(*testing.T) core.Plugin { return classify.New() },
	"as a binary":           asBinary,
}

func asBinary(t *testing.T) core.Plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "x") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return external.New(self, external.Dir(dir), external.Grant("tickets:read", "tickets:write"), external.Deadlines(5*time.Second, 0, 0))
}

func TestPlugin(t *testing.T) {
	t.Parallel()
	desktest.Exercise(t, func() core.Plugin { return classify.New() })
}

// row is a ticket, and what becomes of it.
type row struct {
	settings      *classify.Settings // nil: the defaults
	subject, body string

	priority core.Priority
	tags     []string
	words    string // that the panel and the note tell of; "": there is neither
}

// note is what agents read.
func (r row) note() string {
	if r.words == "" || r.settings != nil && !r.settings.Note {
		return ""
	}
	return "Classified by: " + r.words
}

func TestTicketsAreClassifiedOnBothSidesOfTheBorder(t *testing.T) {
	t.Parallel()
	rows := map[string]row{
		"a word makes a ticket urgent": {
			subject: "Everything is down", body: "Help.", priority: core.Urgent, words: "down",
		},
		"words count in any case, whole, and in the message": {
			subject: "Downtown", body: "It is URGENT!", priority: core.Urgent, words: "urgent",
		},
		"a word brings a tag": {
			subject: "My invoice", body: "Where is it?", priority: core.Medium, tags: []string{"billing"}, words: "invoice",
		},
		"two words bring one tag, and a tag that is not there is left out": {
			settings: &classify.Settings{Urgent: []string{}, Tags: []string{"invoice=billing", "bill=billing"}, Note: true},
			subject:  "The bill of the invoice", body: "x", priority: core.Medium, tags: []string{"billing"}, words: "invoice, bill",
		},
		"a tag that an admin has deleted refuses nothing": {
			settings: &classify.Settings{Urgent: []string{"fire"}, Tags: []string{"fire=gone"}, Note: true},
			subject:  "fire", body: "x", priority: core.Urgent, words: "fire, fire",
		},
		"notes can be switched off": {
			settings: &classify.Settings{Urgent: []string{"fire"}, Tags: []string{}}, subject: "fire", body: "x", priority: core.Urgent, words: "fire",
		},
		"other words mean nothing": {
			subject: "Hello", body: "How are you?", priority: core.Medium,
		},
	}
	for way, plugin := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			for name, r := range rows {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					desktest.Each(t, func(t *testing.T, db desktest.Database) { r.check(t, desktest.New(t, db, plugin(t))) })
				})
			}
		})
	}
}

func (r row) check(t *testing.T, d *desktest.Desk) {
	t.Helper()
	d.Do(desktest.Admin, "POST /api/tags", map[string]any{"name": "billing"}).Want(201)
	if r.settings != nil {
		save(t, d, *r.settings)
	}
	made := open(d, r.subject, r.body)
	if made.Priority != r.priority {
		t.Errorf("the priority is %s, not %s", made.Priority, r.priority)
	}
	d.Settle()
	var got struct {
		Ticket  struct{ Tags []struct{ Slug string } }
		Replies []struct{ Kind, Body string }
	}
	d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d", made.ID), nil).Want(200).JSON(&got)
	var tags []string
	for _, tag := range got.Ticket.Tags {
		tags = append(tags, tag.Slug)
	}
	if !slices.Equal(tags, r.tags) {
		t.Errorf("the tags are %v, not %v", tags, r.tags)
	}
	var note strings.Builder
	for _, reply := range got.Replies[1:] {
		note.WriteString(reply.Body)
	}
	if note.String() != r.note() {
		t.Errorf("the notes are %q, not %q", note.String(), r.note())
	}
	var panel core.Panel
	d.Do(desktest.Agent, fmt.Sprintf("GET /api/classify/tickets/%d", made.ID), nil).Want(200).JSON(&panel)
	var words strings.Builder
	for _, field := range panel.Fields {
		words.WriteString(field.Text)
	}
	if words.String() != r.words {
		t.Errorf("the panel tells of %q, not %q", words.String(), r.words)
	}
}

func open(d *desktest.Desk, subject, body string) (made core.Ticket) {
	d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": subject, "body": body}).Want(201).JSON(&made)
	return made
}

// save changes the settings, and waits until the plugin knows: a process is told
// within half a second.
func save(t *testing.T, d *desktest.Desk, s classify.Settings) {
	t.Helper()
	probe := "probe"
	s.Urgent = append(s.Urgent, probe)
	d.Do(desktest.Admin, "PUT /api/settings/classify", map[string]any{"value": s}).Want(200)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if open(d, probe, "x").Priority == core.Urgent {
			return
		}
		<-tick.C
	}
	t.Fatal("the settings are not known after 10 s")
}

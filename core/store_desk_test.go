package core_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// heard collects the names of the events that an After handler was given.
type heard struct {
	mu    sync.Mutex
	names []string
}

func (h *heard) note(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names = append(h.names, name)
}

func (h *heard) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.names)
}

func (h *heard) plugin() core.Plugin {
	return core.Inline("listener", func(host core.Host) error {
		on := host.Hooks()
		on.Ticket.Create.After.Add(host, "note", func(_ context.Context, e hooks.Event[core.TicketCreated]) error { h.note(e.Name); return nil })
		on.Reply.Add.After.Add(host, "note", func(_ context.Context, e hooks.Event[core.ReplyAdded]) error { h.note(e.Name); return nil })
		on.Ticket.Merge.After.Add(host, "note", func(_ context.Context, e hooks.Event[core.TicketMerged]) error { h.note(e.Name); return nil })
		on.Reply.Add.Before.Add(host, "polite", func(_ context.Context, r *core.ReplyDraft) error {
			if r.Body == "HELP" {
				return hooks.Veto("shouting", "please do not shout")
			}
			return nil
		})
		return nil
	})
}

// listens waits until the handlers of the listener have their place in the log.
func (h *heard) listens(t *testing.T, s core.Store) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n, err := s.Count(context.Background(), &core.Consumer{}, core.Query{}); err == nil && n == 4 {
			return
		}
	}
	t.Fatal("the handlers did not start in 20 s")
}

// A desk needs no database of ours: whatever keeps core's rows will do.
func TestADeskWorksOnAForeignStore(t *testing.T) {
	t.Parallel()
	ears, store := &heard{}, core.NewMemoryStore()
	d := newBare(t, core.Config{Store: store, Plugins: []core.Plugin{ears.plugin()}, Files: core.Dir(t.TempDir())})
	ears.listens(t, store)
	agent, customer, admin := d.as(desktest.Agent), d.as(desktest.Customer), d.as(desktest.Admin)
	d.as(desktest.Stranger)
	me := core.ActorFrom(agent).Person.ID

	dep, err := d.Departments.Create(admin, core.DepartmentPatch{Name: new("Sales")})
	must(t, err)
	_, err = d.Tags.Create(admin, core.TagPatch{Name: new("Refund")})
	must(t, err)
	var tickets []core.Ticket
	for i := range 6 {
		draft := core.TicketDraft{Subject: fmt.Sprint("Ticket ", i), Body: fmt.Sprint("word", i%2, " common"), Priority: core.Priority(i % 5), Type: []string{"question", "task"}[i%2]}
		who := customer
		if i > 3 {
			draft.RequesterID, draft.AssigneeID, draft.DepartmentID, draft.Tags = core.ActorFrom(customer).Person.ID, &me, &dep.ID, []string{"refund"}
			who = agent
		}
		ticket, err := d.Tickets.Create(who, draft)
		must(t, err)
		tickets = append(tickets, ticket)
		d.clock.Advance(time.Minute)
	}
	first := tickets[0].ID
	reply, err := d.Replies.Add(agent, first, core.ReplyDraft{Body: "canary", Internal: true})
	must(t, err)
	answer, err := d.Replies.Add(customer, first, core.ReplyDraft{Body: "thanks"})
	must(t, err)
	_, err = d.Replies.Add(customer, first, core.ReplyDraft{Body: "HELP"})
	want(t, "a veto", err, core.Invalid)
	must(t, d.settle())

	finds := func(what string, q core.TicketQuery, want ...int) {
		t.Helper()
		got := []int64{}
		q.Limit = 2
		for {
			page, err := d.Tickets.List(agent, q)
			must(t, err)
			for _, ticket := range page.Tickets {
				got = append(got, ticket.ID)
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				break
			}
		}
		ids := []int64{}
		for _, i := range want {
			ids = append(ids, tickets[i].ID)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%s finds %v, want %v", what, got, ids)
		}
	}
	finds("nothing asked", core.TicketQuery{}, 0, 5, 4, 3, 2, 1)
	finds("by creation", core.TicketQuery{Sort: "created"}, 0, 1, 2, 3, 4, 5)
	finds("by priority", core.TicketQuery{Sort: "-priority", Open: new(true)}, 4, 3, 2, 1, 0, 5)
	finds("status", core.TicketQuery{Status: []core.Status{core.StatusOpen}, Sort: "created"}, 0, 1, 2, 3, 4, 5)
	finds("two priorities", core.TicketQuery{Priority: []core.Priority{core.Low, core.High}}, 0, 5, 2)
	finds("type", core.TicketQuery{Type: []string{"task"}}, 5, 3, 1)
	finds("department", core.TicketQuery{Department: []int64{dep.ID}}, 5, 4)
	finds("tag", core.TicketQuery{Tag: []string{"refund"}}, 5, 4)
	finds("assignee", core.TicketQuery{Assignee: []int64{me}}, 5, 4)
	finds("mine or nobody's", core.TicketQuery{Assignee: []int64{me}, Unassigned: true}, 0, 5, 4, 3, 2, 1)
	finds("requester", core.TicketQuery{Requester: []int64{core.ActorFrom(customer).Person.ID}, Sort: "-created"}, 5, 4, 3, 2, 1, 0)
	finds("created from", core.TicketQuery{CreatedFrom: &tickets[4].CreatedAt, Sort: "created"}, 4, 5)
	finds("updated since", core.TicketQuery{UpdatedSince: &tickets[5].CreatedAt}, 0, 5)
	finds("done ones", core.TicketQuery{Open: new(false)})
	finds("a word", core.TicketQuery{Text: "WORD1"}, 5, 3, 1)
	finds("two words", core.TicketQuery{Text: "common word0"}, 4, 2, 0)
	finds("a reference", core.TicketQuery{Text: tickets[3].Reference()}, 3)
	page, err := d.Tickets.List(agent, core.TicketQuery{Count: true, Type: []string{"task"}})
	if must(t, err); page.Total != 3 {
		t.Errorf("counted %d", page.Total)
	}
	if found, err := d.Tickets.List(customer, core.TicketQuery{Text: "canary"}); err != nil || len(found.Tickets) != 0 {
		t.Errorf("the customer finds the note: %v %v", found.Tickets, err)
	}

	split, err := d.Tickets.Split(agent, first, answer.ID, "Another matter")
	must(t, err)
	_, err = d.Tickets.Merge(agent, tickets[1].ID, []int64{split.ID, tickets[2].ID})
	must(t, err)
	_, err = d.Tickets.Unmerge(agent, split.ID)
	must(t, err)
	results, _, err := d.Tickets.Bulk(agent, core.BulkChange{IDs: []int64{first, tickets[2].ID, 4711}, Patch: core.TicketPatch{Status: new(core.StatusResolved)}})
	must(t, err)
	for i, kind := range []core.Kind{0, core.Conflict, core.NotFound} {
		if core.KindOf(results[i].Err) != kind {
			t.Errorf("bulk: ticket %d: %v", results[i].ID, results[i].Err)
		}
	}
	_, err = d.Settings.Save(admin, "core", []byte(`{"status_flow":false,"retention_days":1,"max_file_mb":1}`), nil)
	must(t, err)
	_, err = d.Replies.Edit(agent, first, reply.ID, core.ReplyPatch{Body: "canary 2"})
	must(t, err)
	_, err = d.Tickets.Delete(admin, tickets[5].ID)
	must(t, err)
	d.clock.Advance(49 * time.Hour)
	must(t, d.RunJob(context.Background(), "core.purge"))
	_, err = d.Tickets.Get(admin, tickets[5].ID)
	want(t, "a purged ticket", err, core.NotFound)
	file, err := d.Attachments.Upload(customer, "a.txt", strings.NewReader("content"))
	must(t, err)
	_, err = d.Replies.Add(customer, first, core.ReplyDraft{Body: "see", Attachments: []int64{file.ID}})
	must(t, err)

	must(t, d.settle())
	if got := ears.list(); len(slices.DeleteFunc(slices.Clone(got), func(n string) bool { return n != "ticket.created" })) != 7 ||
		len(slices.DeleteFunc(slices.Clone(got), func(n string) bool { return n != "reply.added" })) != 3 ||
		len(slices.DeleteFunc(slices.Clone(got), func(n string) bool { return n != "ticket.merged" })) != 4 {
		t.Errorf("the After handlers heard %v", got)
	}
	for request, status := range map[string]int{
		"GET /api/tickets?tag=refund&count=true": 200, "GET /api/dashboard": 200, "GET /api/openapi.json": 200, "GET /api/plugins": 200,
		fmt.Sprintf("GET /api/tickets/%d/activities", first): 200, "GET /api/tickets/4711": 404, "GET /api/tickets?sort=body": 422,
	} {
		if res := d.send("admin", request, ""); res.Code != status {
			t.Errorf("%s: %d %s", request, res.Code, res.Body)
		}
	}
	if res := d.send("customer", "POST /api/tickets", `{"subject":"by HTTP","body":"x"}`); res.Code != http.StatusCreated {
		t.Errorf("%d %s", res.Code, res.Body)
	}
}

func want(t *testing.T, what string, err error, kind core.Kind) {
	t.Helper()
	if core.KindOf(err) != kind {
		t.Errorf("%s: %v", what, err)
	}
}

// tables is a plugin with a table.
type tables struct{ core.Plugin }

func (p tables) Manifest() core.Manifest {
	m := p.Plugin.Manifest()
	m.Migrations = fstest.MapFS{"migrations": &fstest.MapFile{Mode: fs.ModeDir}, "migrations/0001_x.sql": &fstest.MapFile{
		Data: []byte("-- +goose Up\nCREATE TABLE {{.Prefix}}tabled_x (id {{.ID}});\n-- +goose Down\nDROP TABLE {{.Prefix}}tabled_x;\n"),
	}}
	return m
}

// ownPoints are the hook points of a plugin.
type ownPoints struct {
	Poke hooks.Action[core.TicketRemoval, core.TicketRemoved]
}

func TestAForeignStoreRefusesWhatNeedsTheDatabase(t *testing.T) {
	t.Parallel()
	within := func(h core.Host) error {
		h.Hooks().Reply.Add.Within.Add(h, "write", func(context.Context, *gorm.DB, *core.ReplyAdded) error { return nil })
		return nil
	}
	ownWithin := func(h core.Host) error {
		var own ownPoints
		own.Poke.Declare(hooks.Point{Name: "poker.poke", Doc: "Somebody is poked."}, "poker.poked")
		core.Declare(h, &own)
		own.Poke.Within.Add(h, "write", func(context.Context, *gorm.DB, *core.TicketRemoved) error { return nil })
		return nil
	}
	nothing := func(core.Host) error { return nil }
	for name, c := range map[string]struct {
		plugin core.Plugin
		db     bool
		want   string
	}{
		"tables without a database":               {plugin: tables{core.Inline("tabled", nothing)}, want: "plugin tabled has tables of its own: the Config needs a DB beside its Store"},
		"tables beside a database":                {plugin: tables{core.Inline("tabled", nothing)}, db: true},
		"a Within handler":                        {plugin: core.Inline("writer", within), want: "plugin writer writes into the desk's transaction at reply.add.within"},
		"a Within handler beside a database":      {plugin: core.Inline("writer", within), db: true, want: "plugin writer writes into the desk's transaction at reply.add.within"},
		"a Within handler at a plugin's own hook": {plugin: core.Inline("poker", ownWithin), want: "plugin poker writes into the desk's transaction at poker.poke.within"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := core.Config{Store: core.NewMemoryStore(), Plugins: []core.Plugin{c.plugin}}
			if c.db {
				config.DB = open(t, "sqlite::memory:")
			}
			d, err := core.New(config)
			if err == nil {
				must(t, d.Close())
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}

func TestAForeignStoreCannotJoinTheHostsTransaction(t *testing.T) {
	t.Parallel()
	d := newBare(t, core.Config{Store: core.NewMemoryStore()})
	customer := d.as(desktest.Customer)
	err := open(t, "sqlite::memory:").Transaction(func(tx *gorm.DB) error {
		_, err := d.Tickets.Create(core.WithTx(customer, tx), core.TicketDraft{Subject: "x", Body: "x"})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "keeps its rows in memory") {
		t.Error(err)
	}
	if page, err := d.Tickets.List(customer, core.TicketQuery{}); err != nil || len(page.Tickets) != 0 {
		t.Errorf("%v %v", page.Tickets, err)
	}
}

// wrapped is a host's own Store around ours, as one that counts or traces.
type wrapped struct {
	core.Store
	core.Sequencer
}

// On PostgreSQL a transaction may commit behind one that has a higher id; its
// events must not be skipped, however the store is wrapped.
func TestAWrappedStoreLosesNoEventThatCommitsLate(t *testing.T) {
	t.Parallel()
	store := gormStore(t, pgtest.New(t))
	log, ok := store.(core.Sequencer)
	if !ok {
		t.Fatal("the store on PostgreSQL is no Sequencer")
	}
	ears, whole := &heard{}, wrapped{store, log}
	d := newBare(t, core.Config{Store: whole, Plugins: []core.Plugin{ears.plugin()}})
	ears.listens(t, store)
	customer := d.as(desktest.Customer)
	ticket, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "x", Body: "x"})
	must(t, err)
	must(t, whole.Tx(context.Background(), func(ctx context.Context) error {
		late := core.As(ctx, core.ActorFrom(customer))
		if _, err := d.Replies.Add(late, ticket.ID, core.ReplyDraft{Body: "the first words"}); err != nil {
			return err
		}
		for range 3 {
			if _, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "overtakes", Body: "x"}); err != nil {
				return err
			}
		}
		for end := time.Now().Add(20 * time.Second); len(ears.list()) < 4 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		return nil
	}))
	must(t, d.settle())
	if got := ears.list(); len(got) != 5 || got[4] != "reply.added" {
		t.Errorf("the After handlers heard %v", got)
	}
}

package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

// life makes everything happen once that the catalogue has a point for.
func life(t *testing.T, d *desktest.Desk) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	agent, customer, admin := d.As(desktest.Agent), d.As(desktest.Customer), d.As(desktest.Admin)
	name := "Refund"
	_, err := d.Tags.Create(admin, core.TagPatch{Name: &name})
	must(err)
	file, err := d.Attachments.Upload(customer, "a.txt", strings.NewReader("content"))
	must(err)
	ticket, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "Help", Body: "me", Attachments: []int64{file.ID}})
	must(err)
	reply, err := d.Replies.Add(agent, ticket.ID, core.ReplyDraft{Body: "yes"})
	must(err)
	_, err = d.Replies.Edit(agent, ticket.ID, reply.ID, core.ReplyPatch{Body: "yes!"})
	must(err)
	second, err := d.Replies.Add(customer, ticket.ID, core.ReplyDraft{Body: "and"})
	must(err)
	high, tags, me := core.High, []string{"refund"}, d.PersonID(desktest.Agent)
	_, err = d.Tickets.Update(agent, ticket.ID, core.TicketPatch{Priority: &high, Tags: &tags, Assignee: core.Maybe[int64]{Set: true, Value: &me}})
	must(err)
	split, err := d.Tickets.Split(agent, ticket.ID, second.ID, "")
	must(err)
	_, err = d.Tickets.Merge(agent, ticket.ID, []int64{split.ID})
	must(err)
	_, err = d.Tickets.Unmerge(agent, split.ID)
	must(err)
	must(d.Replies.Delete(agent, ticket.ID, reply.ID))
	_, err = d.Tickets.Delete(admin, ticket.ID)
	must(err)
	_, err = d.Tickets.Restore(admin, ticket.ID)
	must(err)
	page, err := d.Tickets.List(agent, core.TicketQuery{})
	must(err)
	_, err = d.Tickets.View(agent, page.Tickets...)
	must(err)
	_, err = d.Settings.Save(admin, "core", []byte(`{"status_flow":true,"retention_days":1,"max_file_mb":1}`), nil)
	must(err)
	for _, on := range []bool{false, true} {
		_, err = d.Plugins.Switch(admin, "other", on)
		must(err)
	}
	d.Settle()
}

func other() core.Plugin { return core.Inline("other", func(core.Host) error { return nil }) }

// watcher taps every point of the catalogue.
type watcher struct {
	mu   sync.Mutex
	seen map[string]int
}

func (w *watcher) plugin() core.Plugin {
	return core.Inline("watcher", func(h core.Host) error {
		for _, p := range hooks.Walk(h.Hooks()) {
			name := p.Point().Name
			hooks.Tap(p, h, "tap", func(context.Context, any) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.seen[name]++
			})
		}
		return nil
	})
}

func TestEveryHookOfTheCatalogueFires(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		w := &watcher{seen: map[string]int{}}
		d := desktest.New(t, db, w.plugin(), other())
		life(t, d)
		d.Reopen() // the desk stops
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, p := range hooks.Walk(d.Hooks()) {
			if w.seen[p.Point().Name] == 0 {
				t.Errorf("%s never fired", p.Point().Name)
			}
		}
	})
}

// Each kind of hook of one plugin panics at every point, in turn: the desk
// lives, the plugin is named, and what was refused left nothing.
func TestAPluginThatPanicsHarmsOnlyItself(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var armed atomic.Value
		arm := func(point string) { armed.Store(point) }
		bomb := core.Inline("bomb", func(h core.Host) error {
			for _, p := range hooks.Walk(h.Hooks()) {
				name := p.Point().Name
				hooks.Tap(p, h, "tick", func(context.Context, any) {
					if armed.Load() == name {
						panic("boom")
					}
				})
			}
			return nil
		})
		d := desktest.New(t, db, bomb)
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		at := fmt.Sprintf("/api/tickets/%d", ticket.ID)

		arm("reply.add.before")
		refused := d.Do(desktest.Agent, "POST "+at+"/replies", map[string]any{"body": "x"})
		if refused.Status != http.StatusServiceUnavailable || !strings.Contains(string(refused.Body), "bomb.tick") || strings.Contains(string(refused.Body), "boom") {
			t.Errorf("%d %s", refused.Status, refused.Body)
		}
		arm("reply.add.within")
		d.Do(desktest.Agent, "POST "+at+"/replies", map[string]any{"body": "x"}).Want(http.StatusServiceUnavailable)
		arm("ticket.list")
		d.Do(desktest.Agent, "GET /api/tickets", nil).Want(http.StatusOK)
		arm("ticket.show")
		d.Do(desktest.Agent, "GET "+at, nil).Want(http.StatusOK)
		arm("auth.can")
		d.Do(desktest.Agent, "POST "+at+"/replies", map[string]any{"body": "x"}).Want(http.StatusServiceUnavailable)
		if now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID); err != nil || now.ReplyCount != 0 {
			t.Errorf("a refused reply was kept: %d, %v", now.ReplyCount, err)
		}
		arm("")
		d.Do(desktest.Agent, "POST "+at+"/replies", map[string]any{"body": "x"}).Want(http.StatusCreated)
		d.Settle()
	})
}

func TestAVetoIsShownToThePerson(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, core.Inline("polite", func(h core.Host) error {
			h.Hooks().Reply.Add.Before.Add(h, "no-shouting", func(_ context.Context, r *core.ReplyDraft) error {
				if strings.ToUpper(r.Body) == r.Body {
					return hooks.Veto("shouting", "please do not shout")
				}
				return nil
			})
			return nil
		}))
		ticket := d.Ticket(desktest.Customer)
		res := d.Do(desktest.Customer, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "HELP"}).Want(http.StatusUnprocessableEntity)
		if !strings.Contains(string(res.Body), `"code":"shouting"`) || !strings.Contains(string(res.Body), "please do not shout") {
			t.Errorf("%s", res.Body)
		}
	})
}

// A hook may change a draft, but not into what the actor may not have.
func TestAHookCannotSmuggle(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, core.Inline("smuggler", func(h core.Host) error {
			h.Hooks().Ticket.Create.Before.Add(h, "subject", func(_ context.Context, draft *core.TicketDraft) error {
				draft.RequesterID, draft.Subject = 4711, draft.Subject+" (checked)"
				if strings.Contains(draft.Body, "bad") {
					draft.Priority = 99
				}
				return nil
			})
			h.Hooks().Ticket.Update.Before.Add(h, "id", func(_ context.Context, c *core.TicketChange) error {
				c.New.RequesterID, c.New.Version, c.New.IsOpen = 4711, 4711, false
				return nil
			})
			return nil
		}))
		customer := d.As(desktest.Customer)
		ticket, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "Hello", Body: "good"})
		if err != nil || ticket.Subject != "Hello (checked)" || ticket.RequesterID != d.PersonID(desktest.Customer) {
			t.Errorf("%+v %v", ticket, err)
		}
		if _, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "Hello", Body: "bad"}); core.KindOf(err) != core.Invalid {
			t.Errorf("priority 99 came through: %v", err)
		}
		high := core.High
		ticket, err = d.Tickets.Update(d.As(desktest.Agent), ticket.ID, core.TicketPatch{Priority: &high})
		if err != nil || ticket.Version != 2 || !ticket.IsOpen || ticket.RequesterID == 4711 {
			t.Errorf("%+v %v", ticket, err)
		}
	})
}

// The host's own transaction decides over the desk's change.
func TestAChangeInTheHostsTransactionGoesWithIt(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		customer := d.As(desktest.Customer)
		undo := errors.New("undo")
		var inside core.Ticket
		err := d.DB.Transaction(func(tx *gorm.DB) (err error) {
			if inside, err = d.Tickets.Create(core.WithTx(customer, tx), core.TicketDraft{Subject: "x", Body: "x"}); err != nil {
				return err
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if _, err := d.Tickets.Get(customer, inside.ID); core.KindOf(err) != core.NotFound {
			t.Errorf("a ticket of a transaction that was rolled back: %v", err)
		}
		if slices.ContainsFunc(d.Events(0), func(e core.Event) bool { return e.Type == "ticket.created" }) {
			t.Error("an event of a transaction that was rolled back")
		}
		err = d.DB.Transaction(func(tx *gorm.DB) (err error) {
			inside, err = d.Tickets.Create(core.WithTx(customer, tx), core.TicketDraft{Subject: "x", Body: "x"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Tickets.Get(customer, inside.ID); err != nil {
			t.Error(err)
		}
		d.Settle()
	})
}

// An After handler sees each event at least once and in order, also when it
// fails now and then and the desk restarts in between.
func TestAfterHandlersSeeEverythingInOrder(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var mu sync.Mutex
		var seen []int64
		fail := 0
		listener := core.Inline("listener", func(h core.Host) error {
			h.Hooks().Reply.Add.After.Add(h, "note", func(_ context.Context, e hooks.Event[core.ReplyAdded]) error {
				mu.Lock()
				defer mu.Unlock()
				if fail++; fail%5 == 3 {
					return errors.New("not now")
				}
				if len(seen) == 0 || seen[len(seen)-1] != e.Data.Reply.ID {
					seen = append(seen, e.Data.Reply.ID)
				}
				return nil
			})
			return nil
		})
		d := desktest.New(t, db, listener)
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		var want []int64
		for i := range 12 {
			r, err := d.Replies.Add(d.As(desktest.Agent), ticket.ID, core.ReplyDraft{Body: "x"})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, r.ID)
			if i == 8 {
				d.Reopen(listener)
				d.AllowErrors()
			}
		}
		d.Settle()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(seen, want) {
			t.Errorf("seen %v, want %v", seen, want)
		}
	})
}

// Two plugins that answer each other's changes are stopped.
func TestPluginsThatDriveEachOtherAreCut(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, core.Inline("echo", func(h core.Host) error {
			h.Hooks().Reply.Add.After.Add(h, "echo", func(ctx context.Context, e hooks.Event[core.ReplyAdded]) error {
				_, err := h.Desk().Replies.Add(ctx, e.Data.Ticket.ID, core.ReplyDraft{Body: "echo", Internal: true})
				return err
			})
			return nil
		}))
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		if _, err := d.Replies.Add(d.As(desktest.Customer), ticket.ID, core.ReplyDraft{Body: "hello"}); err != nil {
			t.Fatal(err)
		}
		d.Settle()
		now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID)
		if err != nil || now.LastNumber < 5 || now.LastNumber > 12 {
			t.Errorf("%d messages: %v", now.LastNumber, err)
		}
	})
}

func TestAWrongPluginListDoesNotStart(t *testing.T) {
	t.Parallel()
	nothing := func(core.Host) error { return nil }
	for name, c := range map[string]struct {
		plugins []core.Plugin
		prefix  string
		want    string
	}{
		"a prefix with SQL in it":  {prefix: "x; DROP", want: "the table prefix"},
		"two of one id":            {plugins: []core.Plugin{core.Inline("a1", nothing), core.Inline("a1", nothing)}, want: "stands twice"},
		"an id that is none":       {plugins: []core.Plugin{core.Inline("A B", nothing)}, want: "an id must match"},
		"a circle":                 {plugins: []core.Plugin{needing{"aa", "bb"}, needing{"bb", "cc"}, needing{"cc", "aa"}}, want: "aa → bb → cc → aa"},
		"a plugin that is missing": {plugins: []core.Plugin{needing{"aa", "bb"}}, want: "requires plugin bb"},
		"a route without a policy": {plugins: []core.Plugin{core.Inline("a1", func(h core.Host) error {
			h.Handle("GET /api/a", core.Policy{}, http.NotFoundHandler())
			return nil
		})}, want: "no policy"},
		"a panic in Register": {plugins: []core.Plugin{core.Inline("a1", func(core.Host) error { panic("oh") })}, want: "plugin a1: panic: oh"},
		"one handler twice": {plugins: []core.Plugin{core.Inline("a1", func(h core.Host) error {
			for range 2 {
				h.Hooks().Ticket.Show.Add(h, "same", func(context.Context, *core.TicketsShown) error { return nil })
			}
			return nil
		})}, want: "same"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := core.Open("sqlite::memory:")
			if err != nil {
				t.Fatal(err)
			}
			_, err = core.New(core.Config{DB: db, TablePrefix: c.prefix, Plugins: c.plugins})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}

// needing is a plugin that requires another one.
type needing struct{ id, other string }

func (n needing) Manifest() core.Manifest {
	return core.Manifest{ID: n.id, Name: n.id, Version: "1.0.0", Doc: "Needs " + n.other, Requires: []core.Need{{Plugin: n.other}}}
}

func (needing) Register(core.Host) error { return nil }

// What was uploaded and not used goes after a day, a file with the last ticket
// that has it, and not before.
func TestFilesGoWithTheirLastTicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		customer, admin := d.As(desktest.Customer), d.As(desktest.Admin)
		upload := func(text string) int64 {
			a, err := d.Attachments.Upload(customer, `C:\secret\..\evil".svg`, strings.NewReader(text))
			if err != nil || a.Name != "evil.svg" {
				t.Fatalf("%+v %v", a, err)
			}
			return a.ID
		}
		unused, first, second := upload("unused"), upload("same"), upload("same")
		var tickets []int64
		for _, file := range []int64{first, second} {
			ticket, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "x", Body: "x", Attachments: []int64{file}})
			if err != nil {
				t.Fatal(err)
			}
			tickets = append(tickets, ticket.ID)
		}
		if _, _, err := d.Attachments.Open(d.As(desktest.Stranger), first); core.KindOf(err) != core.NotFound {
			t.Errorf("a stranger reads the file: %v", err)
		}
		if _, err := d.Tickets.Create(d.As(desktest.Stranger), core.TicketDraft{Subject: "x", Body: "x", Attachments: []int64{unused}}); core.KindOf(err) != core.Invalid {
			t.Errorf("a stranger claims the upload: %v", err)
		}
		if _, err := d.Tickets.Delete(admin, tickets[0]); err != nil {
			t.Fatal(err)
		}
		d.Leap(31 * 24 * time.Hour)
		for _, job := range []string{"core.purge", "core.sweep-files"} {
			if err := d.RunJob(context.Background(), job); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := d.Attachments.Open(customer, unused); core.KindOf(err) != core.NotFound {
			t.Errorf("an unused upload is kept: %v", err)
		}
		_, content, err := d.Attachments.Open(customer, second)
		if err != nil {
			t.Fatalf("the file of the other ticket is gone: %v", err)
		}
		if text, err := io.ReadAll(content); err != nil || string(text) != "same" || content.Close() != nil {
			t.Errorf("%q %v", text, err)
		}
	})
}

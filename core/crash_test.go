package core_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// writerEnv holds the file that a child process, which is this test binary
// again, writes tickets into until it is killed.
const writerEnv = "CORE_TEST_WRITER"

// TestWriterProcess is no test but the child process.
func TestWriterProcess(t *testing.T) {
	t.Parallel()
	path := os.Getenv(writerEnv)
	if path == "" {
		t.Skip("only in a child process")
	}
	d := newBare(t, core.Config{DB: open(t, path)})
	customer := d.as(desktest.Customer)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 4 {
		wg.Go(func() {
			for {
				ticket, err := d.Tickets.Create(customer, core.TicketDraft{Subject: "x", Body: "x"})
				if err == nil {
					_, err = d.Replies.Add(customer, ticket.ID, core.ReplyDraft{Body: "y"})
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fmt.Fprintln(os.Stderr, "kept", ticket.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestAKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	var kept []int64
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$", "-test.count=1")
		cmd.Env = append(os.Environ(), writerEnv+"="+path)
		said, err := cmd.StderrPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(said)
		for n := 0; lines.Scan(); {
			var id int64
			if _, err := fmt.Sscanf(lines.Text(), "kept %d", &id); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			kept = append(kept, id)
			if n++; n == 10+7*round { // what it wrote before it died is still read
				must(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // it was killed
	}
	db := open(t, path)
	d := newBare(t, core.Config{DB: db})
	admin := d.as(desktest.Admin)
	for _, id := range kept {
		if ticket, err := d.Tickets.Get(admin, id); err != nil || ticket.ReplyCount != 1 {
			t.Errorf("ticket %d was acknowledged with its reply: %+v, %v", id, ticket, err)
		}
	}
	if len(kept) < 30 || text(t, sqlDB(t, db), "PRAGMA integrity_check") != "ok" {
		t.Errorf("%d tickets in a file that is not sound", len(kept))
	}
	s, err := core.NewStore(db, "hookdesk_")
	must(t, err)
	(&side{bare: d, store: s}).whole(t)
}

// whole holds what a crash could tear apart: a ticket, its messages and events.
func (s *side) whole(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	tickets, err := find[core.Ticket](ctx, s, "id")
	must(t, err)
	for _, ticket := range tickets {
		replies, err := find[core.Reply](ctx, s, "number", core.Is("ticket_id", ticket.ID))
		must(t, err)
		events, err := find[core.Event](ctx, s, "id", core.Is("ticket_id", ticket.ID))
		must(t, err)
		if len(replies) != ticket.ReplyCount+1 || len(events) != len(replies) {
			t.Errorf("ticket %d counts %d replies and has %d messages and %d events", ticket.ID, ticket.ReplyCount, len(replies), len(events))
		}
	}
}

func TestATransactionThatIsRolledBackCallsNobody(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		ears := &heard{}
		var within []string
		d := desktest.New(t, db, ears.plugin(), core.Inline("inside", func(h core.Host) error {
			h.Hooks().Ticket.Create.Within.Add(h, "see", func(_ context.Context, _ *gorm.DB, e *core.TicketCreated) error {
				within = append(within, e.Ticket.Subject)
				return nil
			})
			return nil
		}))
		customer, undo := d.As(desktest.Customer), errors.New("undo")
		before := len(d.Events(0))
		for _, subject := range []string{"undone", "kept"} {
			err := d.DB.Transaction(func(tx *gorm.DB) error {
				ctx := core.WithTx(customer, tx)
				ticket, err := d.Tickets.Create(ctx, core.TicketDraft{Subject: subject, Body: "x"})
				if err == nil {
					_, err = d.Replies.Add(ctx, ticket.ID, core.ReplyDraft{Body: "x"})
				}
				if err == nil && subject == "undone" {
					err = undo
				}
				return err
			})
			if subject == "undone" != errors.Is(err, undo) {
				t.Fatal(err)
			}
		}
		d.Settle()
		if got := ears.list(); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"reply.added", "ticket.created"}) {
			t.Errorf("After handlers were called for %v", got)
		}
		if !slices.Equal(within, []string{"undone", "kept"}) || len(d.Events(0)) != before+2 {
			t.Errorf("Within ran for %v, and there are %d new events", within, len(d.Events(0))-before)
		}
		page, err := d.Tickets.List(customer, core.TicketQuery{})
		if err != nil || len(page.Tickets) != 1 || page.Tickets[0].Subject != "kept" {
			t.Errorf("the tickets are %+v, %v", page.Tickets, err)
		}
	})
}

// Replicas start at once on a database that nobody has migrated yet.
func TestReplicasMayStartAtOnce(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "desk.db"), "postgres": pgtest.New(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup
			for range 4 {
				db := open(t, dsn)
				wg.Go(func() {
					d, err := startBare(core.Config{DB: db})
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := d.Tickets.Create(d.as(desktest.Customer), core.TicketDraft{Subject: "x", Body: "x"}); err != nil {
						t.Error(err)
					}
					if err := d.stop(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			d := newBare(t, core.Config{DB: open(t, dsn)})
			page, err := d.Tickets.List(d.as(desktest.Customer), core.TicketQuery{})
			if err != nil || len(page.Tickets) != 4 {
				t.Errorf("%d tickets: %v", len(page.Tickets), err)
			}
		})
	}
}

// A plugin that panics at one hook after the other, whichever it is, takes
// nobody with it: no answer tells of the panic, other handlers are called, and
// when it has calmed down all is as before.
func TestAPanicAtAnyHookHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		ears, armed := &heard{}, ""
		var mu sync.Mutex
		arm := func(point string) {
			mu.Lock()
			defer mu.Unlock()
			armed = point
		}
		d := desktest.New(t, db, ears.plugin(), core.Inline("bomb", func(h core.Host) error {
			for _, p := range hooks.Walk(h.Hooks()) {
				name := p.Point().Name
				hooks.Tap(p, h, "tick", func(context.Context, any) {
					mu.Lock()
					defer mu.Unlock()
					if armed == name {
						panic("boom")
					}
				})
			}
			return nil
		}))
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		at := fmt.Sprintf("/api/tickets/%d", ticket.ID)
		for _, p := range hooks.Walk(d.Hooks()) {
			arm(p.Point().Name)
			for _, request := range []string{"GET /api/tickets", "GET " + at, "POST " + at + "/replies", "PATCH " + at, "POST " + at + "/split"} {
				res := d.Do(desktest.Agent, request, map[string]any{"body": "x", "priority": "high", "reply_id": 1})
				if res.Status == 500 || bytes.Contains(res.Body, []byte("boom")) || bytes.Contains(res.Body, []byte("goroutine")) {
					t.Errorf("%s with a panic at %s: %d %s", request, p.Point().Name, res.Status, res.Body)
				}
			}
			arm("")
		}
		before := len(ears.list())
		d.Do(desktest.Agent, "POST "+at+"/replies", map[string]any{"body": "after all"}).Want(201)
		d.Settle()
		if len(ears.list()) <= before {
			t.Error("the other plugin hears no more")
		}
		now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID)
		must(t, err)
		replies, _, err := d.Replies.List(d.As(desktest.Agent), ticket.ID, core.Page{Limit: 100})
		must(t, err)
		public := slices.DeleteFunc(replies, func(r core.Reply) bool { return r.Number == 0 || r.Kind != core.ReplyPublic })
		if now.ReplyCount != len(public) {
			t.Errorf("%d replies are counted, %d are there", now.ReplyCount, len(public))
		}
	})
}

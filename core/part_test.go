package core_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// words is a plugin that writes a row of its own with each reply, and refuses
// those that say "no".
type words struct{}

// Word is a row of hookdesk_words_words.
type Word struct {
	ID      int64
	ReplyID int64
	Said    string
}

func (words) Manifest() core.Manifest {
	return core.Manifest{ID: "words", Name: "Words", Version: "1.0.0", Doc: "Writes down what is said.", Migrations: fstest.MapFS{
		"0001_words.sql": {Data: []byte(`-- +goose Up
CREATE TABLE {{.Prefix}}words_words (id {{.ID}}, said text NOT NULL, reply_id bigint NOT NULL);
-- +goose Down
DROP TABLE {{.Prefix}}words_words;`)},
	}}
}

func (words) Register(h core.Host) error {
	h.Hooks().Reply.Add.Within.Add(h, "write", func(_ context.Context, tx *gorm.DB, e *core.ReplyAdded) error {
		if err := tx.Create(&Word{ReplyID: e.Reply.ID, Said: e.Reply.Body}).Error; err != nil {
			return err
		}
		if e.Reply.Body == "no" {
			return hooks.Veto("no", "Say yes.")
		}
		return nil
	})
	return nil
}

// The host may go on with its transaction after the desk has refused something
// in it; of that, nothing is left.
func TestWhatWasRefusedLeavesNothingInTheHostsTransaction(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, words{})
		customer := d.As(desktest.Customer)
		ticket := d.Ticket(desktest.Customer)
		must(t, d.DB.Transaction(func(tx *gorm.DB) error {
			ctx := core.WithTx(customer, tx)
			for _, text := range []string{"yes", "no", "yes again"} {
				_, err := d.Replies.Add(ctx, ticket.ID, core.ReplyDraft{Body: text})
				if refused := core.KindOf(err) == core.Invalid; refused != (text == "no") {
					t.Errorf("%s: %v", text, err)
				}
			}
			return nil
		}))
		replies, _, err := d.Replies.List(customer, ticket.ID, core.Page{})
		must(t, err)
		var said []string
		must(t, d.DB.Raw("SELECT said FROM hookdesk_words_words ORDER BY id").Scan(&said).Error)
		if now, err := d.Tickets.Get(customer, ticket.ID); err != nil || now.ReplyCount != 2 || len(replies) != 3 || strings.Join(said, ", ") != "yes, yes again" {
			t.Errorf("%d replies are counted, %d messages are there, the plugin has %q, %v", now.ReplyCount, len(replies), said, err)
		}
	})
}

// A handler is told of all that was committed since the first desk that had it
// was made: however long it takes until one runs.
func TestANewHandlerMissesNothing(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{"sqlite": t.TempDir() + "/desk.db", "postgres": pgtest.New(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard record
			ear := core.Inline("ear", func(h core.Host) error {
				h.Hooks().Ticket.Create.After.Add(h, "hear", func(_ context.Context, e hooks.Event[core.TicketCreated]) error {
					heard.add(e.Data.Ticket.Subject)
					return nil
				})
				return nil
			})
			early, err := core.New(core.Config{DB: open(t, dsn), Plugins: []core.Plugin{ear}})
			must(t, err)
			admin, err := early.ActorOf(t.Context(), core.Identity{UserID: "a", Role: core.Admin})
			must(t, err)
			_, err = early.Tickets.Create(core.As(t.Context(), admin), core.TicketDraft{Subject: "before any run", Body: "x"})
			must(t, err)
			must(t, early.Close())
			desktest.NewWith(t, desktest.SQLite, func(c *core.Config) { c.DB = open(t, dsn) }, ear).Settle()
			if got := strings.Join(heard.all(), ", "); got != "before any run" {
				t.Errorf("heard of %q", got)
			}
		})
	}
}

// A desk that begins to run while its database is away goes on when that is back.
func TestADeskMayStartBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	server, err := pgtest.NewServer()
	must(t, err)
	dsn, err := server.Create()
	must(t, err)
	var heard record
	d, err := core.New(core.Config{DB: open(t, dsn), Lease: time.Second, Plugins: []core.Plugin{core.Inline("ear", func(h core.Host) error {
		h.Hooks().Ticket.Create.After.Add(h, "hear", func(_ context.Context, e hooks.Event[core.TicketCreated]) error {
			heard.add(e.Data.Ticket.Subject)
			return nil
		})
		return nil
	})}})
	must(t, err)
	who, err := d.ActorOf(t.Context(), core.Identity{UserID: "a", Role: core.Admin})
	must(t, err)
	must(t, server.StopNow())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	time.Sleep(100 * time.Millisecond)
	must(t, server.Start())
	_, err = d.Tickets.Create(core.As(t.Context(), who), core.TicketDraft{Subject: "after all", Body: "x"})
	must(t, err)
	heard.await(t, "after all")
	stop()
	must(t, errors.Join(<-ended, d.Close()))
}

// A database that is away is no fault of the caller's, and none of the program's.
func TestADatabaseThatIsAwayIsSaidToBe(t *testing.T) {
	t.Parallel()
	server, err := pgtest.NewServer()
	must(t, err)
	dsn, err := server.Create()
	must(t, err)
	d := desktest.NewWith(t, desktest.Postgres, func(c *core.Config) { c.DB, c.Lease = open(t, dsn), time.Second })
	d.AllowErrors()
	ticket := d.Ticket(desktest.Customer)
	must(t, server.StopNow())
	for _, request := range []string{"GET /api/tickets", "POST /api/tickets", "GET /api/health"} {
		res := d.Do(desktest.Customer, request, map[string]any{"subject": "x", "body": "x"})
		if res.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", request, res.Status, res.Body)
		}
	}
	if res := d.Do(desktest.Customer, "GET /api/health/live", nil); res.Status != 200 {
		t.Errorf("the process does not live: %d %s", res.Status, res.Body)
	}
	must(t, server.Start())
	if _, err := d.Replies.Add(d.As(desktest.Customer), ticket.ID, core.ReplyDraft{Body: "back"}); err != nil {
		t.Error(errors.Join(errors.New("it does not recover"), err))
	}
	d.Settle()
	d.Do(desktest.Customer, "GET /api/health", nil).Want(200)
}

// A network that a plugin cannot reach is not taken for the database.
func TestAPluginsNetworkIsNotTheDatabase(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, core.Inline("caller", func(h core.Host) error {
			h.Hooks().Reply.Add.Within.Add(h, "call", func(context.Context, *gorm.DB, *core.ReplyAdded) error {
				_, err := net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
				return err
			})
			return nil
		}))
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		res := d.Do(desktest.Customer, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "x"}).Want(503)
		if !strings.Contains(string(res.Body), "plugin_failed") {
			t.Errorf("%s", res.Body)
		}
	})
}

// Whoever the host vouches for is never told to sign in because the desk cannot
// look somebody up, whatever the reason.
func TestWhoCannotBeLookedUpIsNotToldToSignIn(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		d.AllowErrors()
		must(t, d.DB.Exec("ALTER TABLE "+d.Config.TablePrefix+"people RENAME TO people_elsewhere").Error)
		res := d.Do(desktest.Who{Identity: core.Identity{UserID: "new"}}, "GET /api/tickets", nil)
		if res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Error(res)
		}
		must(t, d.DB.Exec("ALTER TABLE people_elsewhere RENAME TO "+d.Config.TablePrefix+"people").Error)
		d.Do(desktest.Who{Identity: core.Identity{UserID: "new"}}, "GET /api/tickets", nil).Want(200)
	})
}

package core_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

// Two machines whose clocks are ten minutes apart agree on what has been done:
// a job runs once each hour, and handlers are served by one and taken over by the
// other.
func TestClocksMayDiffer(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var runs atomic.Int64
		var got record
		parts := func() []core.Plugin {
			ear := onReply(func(_ core.Host, e hooks.Event[core.ReplyAdded]) error { got.add(e.Data.Reply.Body); return nil })
			return []core.Plugin{ear, core.Inline("hourly", func(h core.Host) error {
				h.Cron("run", "0 * * * *", func(context.Context) error { runs.Add(1); return nil })
				return nil
			})}
		}
		slow := desktest.New(t, db, parts()...)
		fast := desktest.NewWith(t, db, func(c *core.Config) { c.DB = slow.DB }, parts()...)
		fast.Advance(10 * time.Minute)
		for hour := range int64(5) {
			fast.Advance(time.Hour)
			slow.Advance(time.Hour)
			if n := runs.Load(); n != hour+1 {
				t.Fatalf("after %d hours the job has run %d times", hour+1, n)
			}
		}
		ticket := slow.Ticket(desktest.Customer)
		say(t, slow, ticket, "by the slow one")
		say(t, fast, ticket, "by the fast one")
		got.await(t, "by the slow one", "by the fast one")
		slow.Stop()
		say(t, fast, ticket, "afterwards")
		got.await(t, "by the slow one", "by the fast one", "afterwards")
	})
}

// backlogEnv is for how many events there shall be, where there is time for more.
const backlogEnv = "HOOKDESK_TEST_BACKLOG"

// A handler that was away for long catches up, in memory that does not grow with
// what it has missed.
func TestALongBacklogIsWorkedOff(t *testing.T) {
	t.Parallel()
	size := 20_000
	if testing.Short() {
		size = 2_000
	}
	if n, err := strconv.Atoi(os.Getenv(backlogEnv)); err == nil {
		size = n
	}
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var calls atomic.Int64
		d := desktest.New(t, db, onReply(func(core.Host, hooks.Event[core.ReplyAdded]) error { calls.Add(1); return nil }))
		ticket := d.Ticket(desktest.Customer)
		say(t, d, ticket, "copied")
		d.Settle()
		d.Stop()
		events := d.Events(ticket.ID)
		copyEvent(t, d, events[len(events)-1].ID, size)
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		d.Reopen()
		for highest := uint64(0); calls.Load() < int64(size)+1; time.Sleep(20 * time.Millisecond) {
			runtime.ReadMemStats(&now)
			if highest = max(highest, now.HeapInuse); highest > before.HeapInuse+200<<20 {
				t.Fatalf("the heap grew by %d MiB", (highest-before.HeapInuse)>>20)
			}
			if time.Since(start) > time.Minute+time.Duration(size)*time.Millisecond {
				t.Fatalf("%d of %d events in %v", calls.Load(), size, time.Since(start))
			}
		}
		t.Logf("%d events in %v", size, time.Since(start))
	})
}

// copyEvent writes the row of an event so often again, each for a ticket of its
// own, as a desk would have.
func copyEvent(t *testing.T, d *desktest.Desk, id int64, times int) {
	t.Helper()
	numbers := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
	columns := "ticket_id, type, audience, actor, cause, depth, payload, created_at"
	insert := fmt.Sprintf("%s INSERT INTO hookdesk_events (%s) SELECT n.i + 1000, type, audience, actor, cause, depth, payload, created_at FROM n, hookdesk_events WHERE id = ?",
		numbers, columns)
	must(t, d.DB.Exec(insert, times, id).Error)
	if d.DB.Name() == "postgres" {
		must(t, d.DB.Exec("INSERT INTO hookdesk_event_pending (event_id) SELECT id FROM hookdesk_events WHERE id > ? AND ticket_id > 1000", id).Error)
	}
}

// edition is a plugin as it was released once, and once again: with one more
// table, one more setting and one more handler.
type edition struct {
	second        bool
	got, welcomed *record
}

type firstSettings struct {
	Word string `json:"word" doc:"a word"`
}

type secondSettings struct {
	Word string `json:"word" doc:"a word"`
	More string `json:"more" doc:"another word"`
}

func (e edition) Manifest() core.Manifest {
	table := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE {{.Prefix}}words_" + name + " (id {{.ID}});\n-- +goose Down\nDROP TABLE {{.Prefix}}words_" + name + ";")}
	}
	files := fstest.MapFS{"0001_one.sql": table("one")}
	m := core.Manifest{ID: "words", Name: "Words", Version: "1.0.0", Doc: "Is released twice.", Migrations: files, Settings: firstSettings{Word: "a"}}
	if e.second {
		files["0002_two.sql"] = table("two")
		m.Version, m.Settings = "2.0.0", secondSettings{Word: "a", More: "b"}
	}
	return m
}

func (e edition) Register(h core.Host) error {
	h.Hooks().Reply.Add.After.Add(h, "hear", func(_ context.Context, ev hooks.Event[core.ReplyAdded]) error {
		e.got.add(ev.Data.Reply.Body)
		return nil
	})
	if e.second {
		h.Hooks().Ticket.Create.After.Add(h, "welcome", func(_ context.Context, ev hooks.Event[core.TicketCreated]) error {
			e.welcomed.add(ev.Data.Ticket.Subject)
			return nil
		})
	}
	return nil
}

// While a new version is rolled out, both work on one database: whichever came
// first, and with each event handled by one of those that know its handler.
func TestTwoVersionsWorkAtOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var got, welcomed record
		old := desktest.New(t, db, edition{got: &got})
		renewed := desktest.NewWith(t, db, func(c *core.Config) { c.DB = old.DB }, edition{second: true, got: &got, welcomed: &welcomed})
		renewed.Do(desktest.Admin, "PUT /api/settings/words", map[string]any{"value": map[string]any{"word": "x", "more": "y"}}).Want(200)
		first := old.Ticket(desktest.Customer)
		say(t, old, first, "by the old one")
		say(t, renewed, first, "by the new one")
		got.await(t, "by the old one", "by the new one")
		welcomed.await(t, first.Subject)
		old.Reopen(edition{got: &got}) // it crashes and comes back: its tables are newer than it is
		eventually(t, func() bool {
			all, err := old.Settings.List(old.As(desktest.Admin))
			return err == nil && string(all[1].Value) == `{"word":"x"}`
		})
		say(t, old, first, "after its return")
		renewed.Stop()
		say(t, old, first, "alone")
		got.await(t, "by the old one", "by the new one", "after its return", "alone")
	})
}

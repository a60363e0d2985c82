package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
)

// TestAHandlerThatWasAwayForAMomentHearsTheRest switches a plugin off and on so
// fast that the relay may see no difference.
func TestAHandlerThatWasAwayForAMomentHearsTheRest(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var heard atomic.Int64
		d := desktest.New(t, db, core.Inline("ear", func(h core.Host) error {
			h.Hooks().Ticket.Create.After.Add(h, "hear", func(context.Context, hooks.Event[core.TicketCreated]) error {
				heard.Add(1)
				return nil
			})
			return nil
		}))
		for i := range int64(10) {
			for _, on := range []bool{false, true} {
				if _, err := d.Plugins.Switch(d.As(desktest.Admin), "ear", on); err != nil {
					t.Fatal(err)
				}
			}
			d.Ticket(desktest.Customer)
			d.Settle()
			if got := heard.Load(); got != i+1 {
				t.Fatal(fmt.Sprint(got, " of ", i+1, " tickets were heard of"))
			}
		}
	})
}

// record notes which tickets a handler was given, by their subject.
type record struct {
	mu   sync.Mutex
	list []string
}

func (h *record) add(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, text)
}

func (h *record) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

func (h *record) await(t *testing.T, want ...string) {
	t.Helper()
	for range 500 {
		if slices.Equal(h.all(), want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("heard %v, want %v", h.all(), want)
}

// onReply is a plugin that is given every reply.
func onReply(fn func(h core.Host, e hooks.Event[core.ReplyAdded]) error) core.Plugin {
	return core.Inline("ear", func(h core.Host) error {
		h.Hooks().Reply.Add.After.Add(h, "hear", func(_ context.Context, e hooks.Event[core.ReplyAdded]) error { return fn(h, e) })
		return nil
	})
}

func say(t *testing.T, d *desktest.Desk, ticket core.Ticket, text string) {
	t.Helper()
	if _, err := d.Replies.Add(d.As(desktest.Customer), ticket.ID, core.ReplyDraft{Body: text}); err != nil {
		t.Fatal(err)
	}
}

// TestAHandlerThatFailsDelaysOnlyThatTicket: what follows in the ticket waits, in
// order; other tickets go on; an admin lets it be tried again, or drops it.
func TestAHandlerThatFailsDelaysOnlyThatTicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var got record
		var broken atomic.Bool
		broken.Store(true)
		d := desktest.New(t, db, onReply(func(_ core.Host, e hooks.Event[core.ReplyAdded]) error {
			if broken.Load() && e.Data.Reply.Body == "a1" {
				return errors.New("out of order")
			}
			got.add(e.Data.Reply.Body)
			return nil
		}))
		d.AllowErrors()
		a, b := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		say(t, d, a, "a1")
		say(t, d, a, "a2")
		say(t, d, b, "b1")
		got.await(t, "b1")
		var page struct{ Parked []core.ParkedEvent }
		for range 500 {
			d.Do(desktest.Admin, "GET /api/deliveries/parked?handler=ear.hear@reply.added", nil).Want(200).JSON(&page)
			if len(page.Parked) == 2 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if len(page.Parked) != 2 || page.Parked[0].Attempts == 0 || !strings.HasSuffix(page.Parked[0].LastError, "out of order") || page.Parked[1].Attempts != 0 {
			t.Fatalf("parked: %+v", page.Parked)
		}
		d.Do(desktest.Admin, fmt.Sprintf("POST /api/deliveries/parked/%d/retry", page.Parked[1].ID), nil).Want(409)
		d.Do(desktest.Agent, "GET /api/deliveries/parked", nil).Want(403)
		d.Do(desktest.Admin, fmt.Sprintf("POST /api/deliveries/parked/%d/retry", page.Parked[0].ID), nil).Want(200)
		broken.Store(false) // not before: it is tried again without anybody's word as well
		got.await(t, "b1", "a1", "a2")
		d.Settle()
	})
}

func TestAnEventThatIsDroppedLetsTheNextGoOn(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var got record
		d := desktest.New(t, db, onReply(func(_ core.Host, e hooks.Event[core.ReplyAdded]) error {
			if e.Data.Reply.Body == "bad" {
				return errors.New("bad")
			}
			got.add(e.Data.Reply.Body)
			return nil
		}))
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		for _, text := range []string{"bad", "good"} {
			say(t, d, ticket, text)
		}
		var page struct{ Parked []core.ParkedEvent }
		for range 500 {
			if d.Do(desktest.Admin, "GET /api/deliveries/parked", nil).Want(200).JSON(&page); len(page.Parked) == 2 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		d.Do(desktest.Admin, fmt.Sprintf("DELETE /api/deliveries/parked/%d", page.Parked[0].ID), nil).Want(204)
		got.await(t, "good")
		d.Settle()
		d.Do(desktest.Admin, fmt.Sprintf("DELETE /api/deliveries/parked/%d", page.Parked[0].ID), nil).Want(404)
	})
}

// TestParkedEventsSurviveARestart: they are tried again by whoever serves next.
func TestParkedEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var got record
		var broken atomic.Bool
		broken.Store(true)
		d := desktest.New(t, db, onReply(func(_ core.Host, e hooks.Event[core.ReplyAdded]) error {
			if broken.Load() {
				return errors.New("down")
			}
			got.add(e.Data.Reply.Body)
			return nil
		}))
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		want := []string{"1", "2", "3", "4"}
		for _, text := range want {
			say(t, d, ticket, text)
		}
		time.Sleep(100 * time.Millisecond)
		d.Reopen()
		broken.Store(false)
		got.await(t, want...)
		d.Settle()
	})
}

// TestOneOfTwoProcessesServesAHandler, and the other goes on when it ends.
func TestOneOfTwoProcessesServesAHandler(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var got record
		ear := func() core.Plugin {
			return onReply(func(_ core.Host, e hooks.Event[core.ReplyAdded]) error {
				got.add(e.Data.Reply.Body)
				return nil
			})
		}
		d := desktest.New(t, db, ear())
		other := desktest.NewWith(t, db, func(c *core.Config) { c.DB = d.DB }, ear())
		ticket := d.Ticket(desktest.Customer)
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprint(i))
			say(t, []*desktest.Desk{d, other}[i%2], ticket, want[i])
		}
		got.await(t, want...)
		d.Stop()
		say(t, other, ticket, "after")
		got.await(t, append(want, "after")...)
	})
}

// TestWhatHappensOnceHappensOnce gives a handler its event twice.
func TestWhatHappensOnceHappensOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var calls atomic.Int64
		d := desktest.New(t, db, onReply(func(h core.Host, e hooks.Event[core.ReplyAdded]) error {
			if e.Data.Reply.Kind != core.ReplyPublic {
				return nil
			}
			err := h.Once(h.As(context.Background()), e.ID, "note", func(ctx context.Context) error {
				_, err := h.Desk().Replies.Add(ctx, e.Data.Reply.TicketID, core.ReplyDraft{Body: "seen", Internal: true})
				return err
			})
			if calls.Add(1) == 1 {
				return errors.Join(err, errors.New("after the effect"))
			}
			return err
		}))
		d.AllowErrors()
		ticket := d.Ticket(desktest.Customer)
		say(t, d, ticket, "hello")
		d.Settle()
		replies, _, err := d.Replies.List(d.As(desktest.Agent), ticket.ID, core.Page{})
		if err != nil || len(replies) != 3 || calls.Load() != 2 {
			t.Errorf("%d messages after %d calls, %v", len(replies), calls.Load(), err)
		}
	})
}

// TestSettingsAndPluginsAreTheSameEverywhere: within 2 seconds.
func TestSettingsAndPluginsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		ear := func() core.Plugin { return onReply(func(core.Host, hooks.Event[core.ReplyAdded]) error { return nil }) }
		d := desktest.New(t, db, ear())
		other := desktest.NewWith(t, db, func(c *core.Config) { c.DB = d.DB }, ear())
		enabled := func() bool {
			all, err := other.Plugins.List(other.As(desktest.Admin))
			return err == nil && all[0].Enabled
		}
		d.Do(desktest.Admin, "POST /api/plugins/ear/disable", nil).Want(200)
		eventually(t, func() bool { return !enabled() })
		d.Do(desktest.Admin, "POST /api/plugins/ear/enable", nil).Want(200)
		eventually(t, enabled)
		d.Do(desktest.Admin, "PUT /api/settings/core", `{"value":{"status_flow":false,"retention_days":30,"max_file_mb":20}}`).Want(200)
		eventually(t, func() bool {
			all, err := other.Settings.List(other.As(desktest.Admin))
			return err == nil && strings.Contains(string(all[0].Value), `"status_flow":false`)
		})
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("not within 2 seconds")
}

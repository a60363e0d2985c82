package desktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// tooLong is how long a thing takes that heeds no context.
const tooLong = soon + soon/4

func TestHandlersThatBreakTheDesk(t *testing.T) {
	t.Parallel()
	mustFail(t, map[string]broken{
		"one that panics": {check: "life", says: "the handler toy.split@ticket.split.before failed", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Split.Before.Add(h, "split", func(context.Context, *core.TicketSplit) error {
				var tickets []int64
				return hooks.Veto("first", fmt.Sprint(tickets[0]))
			})
		})},
		"one that cannot bear a long text": {check: "life", says: "a long text", plugin: does(func(h core.Host) {
			h.Hooks().Reply.Add.Within.Add(h, "copy", func(_ context.Context, _ *gorm.DB, e *core.ReplyAdded) error {
				if len(e.Reply.Body) > 500 {
					return errors.New("a long text")
				}
				return nil
			})
		})},
		"one that refuses everything": {check: "life", says: "the plugin refuses a ticket about nothing special", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Create.Before.Add(h, "refuse", func(_ context.Context, draft *core.TicketDraft) error {
				if draft.Subject == ordinary {
					return hooks.Veto("no", "no tickets today")
				}
				return nil
			})
		})},
		"a job that fails": {check: "life", says: "the job toy.tick: out of order", plugin: does(func(h core.Host) {
			h.Every("tick", time.Hour, func(context.Context) error { return errors.New("out of order") })
		})},
	})
}

func TestAfterHandlersThatCountTwice(t *testing.T) {
	t.Parallel()
	mustFail(t, map[string]broken{
		"a row for each delivery": {check: "twice", says: "+ hookdesk_toy_notes body=a ticket", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Create.After.Add(h, "note", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
				return h.DB(ctx).Create(&note{TicketID: e.Data.Ticket.ID, Body: "a ticket"}).Error
			})
		})},
		"a note for each delivery": {check: "twice", says: "+ hookdesk_replies", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Create.After.Add(h, "note", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
				_, err := h.Desk().Replies.Add(ctx, e.Data.Ticket.ID, core.ReplyDraft{Internal: true, Body: "a ticket"})
				return err
			})
		})},
	})
}

func TestWorkThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	sleep := func() error { <-time.After(tooLong); return nil }
	mustFail(t, map[string]broken{
		"a Before handler": {check: "cancel", says: "assign goes on", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Assign.Before.Add(h, "sleep", func(_ context.Context, c *core.TicketChange) error {
				if c.Old.Subject == "Ticket 1" {
					return sleep()
				}
				return nil
			})
		})},
		"an After handler": {check: "cancel", says: "to stop: an After handler", plugin: does(func(h core.Host) {
			h.Hooks().Reply.Delete.After.Add(h, "sleep", func(context.Context, hooks.Event[core.ReplyChanged]) error {
				return errors.Join(sleep(), sleep(), sleep())
			})
		})},
		"a job": {check: "cancel", says: "the job toy.tick goes on", plugin: does(func(h core.Host) {
			h.Every("tick", time.Hour, func(context.Context) error { return sleep() })
		})},
		"a route": {check: "cancel", says: "POST /api/toy goes on", plugin: does(func(h core.Host) {
			h.Handle("POST /api/toy", core.Agents, core.JSON(func(context.Context, struct{}) (core.None, error) { return core.None{}, sleep() }))
		})},
	})
}

func TestPluginsThatAreNeverQuiteOff(t *testing.T) {
	t.Parallel()
	mustFail(t, map[string]broken{
		"a goroutine that stays": {check: "switch", says: "switched off, the plugin leaves", plugin: does(func(h core.Host) {
			h.OnStart(func(ctx context.Context) error { go func() { <-ctx.Done() }(); return nil })
		})},
		"a file that stays open": {check: "descriptors", says: "the plugin keeps 1", plugin: does(func(h core.Host) {
			var kept []*os.File
			h.OnStart(func(context.Context) error {
				f, err := os.Open(os.DevNull)
				kept = append(kept, f)
				return err
			})
			h.OnDisable(func() { runtime.KeepAlive(kept) })
		})},
		"another handler each time": {check: "switch", says: "- toy.hear1@ticket.created", plugin: func() core.Plugin {
			times := 0
			return toy{register: func(h core.Host) error {
				times++
				h.Hooks().Ticket.Create.After.Add(h, fmt.Sprint("hear", times), func(context.Context, hooks.Event[core.TicketCreated]) error { return nil })
				return nil
			}}
		}},
		"data that goes": {check: "off", says: "the data of a plugin that is off changed:\n- hookdesk_toy_notes", scenario: jot, plugin: does(func(h core.Host) {
			h.OnDisable(func() { h.DB(t.Context()).Exec("DELETE FROM " + h.Table("notes")) })
		})},
		"a handler under a false name": {check: "off", says: "the data of a plugin that is off changed:\n+ hookdesk_toy_notes", plugin: does(func(h core.Host) {
			h.Hooks().Reply.Add.Within.Add(&alias{h}, "jot", func(_ context.Context, tx *gorm.DB, e *core.ReplyAdded) error {
				return tx.Exec("INSERT INTO "+h.Table("notes")+" (ticket_id, body) VALUES (?, 'x')", e.Ticket.ID).Error
			})
		})},
		"a start that counts": {check: "restart", says: "the restart changed the plugin's tables", scenario: jot, plugin: does(func(h core.Host) {
			h.OnStart(func(ctx context.Context) error {
				return h.DB(ctx).Exec("UPDATE " + h.Table("notes") + " SET body = body || '!'").Error
			})
		})},
		"a goroutine that outlives the desk": {check: "restart", says: "goroutines live on after the desk", plugin: does(func(h core.Host) {
			h.OnStart(func(context.Context) error { go func() { <-t.Context().Done() }(); return nil })
		})},
	})
}

// alias is an owner whom no switch reaches.
type alias struct{ core.Host }

func (alias) PluginID() string { return "alias" }
func (alias) OnDisable(func()) {}

// jot writes a row.
func jot(t testing.TB, d *Desk, ticket core.Ticket) {
	if err := d.DB.Exec("INSERT INTO hookdesk_toy_notes (ticket_id, body) VALUES (?, 'x')", ticket.ID).Error; err != nil {
		t.Error(err)
	}
}

func TestPluginsThatShareAVariable(t *testing.T) {
	t.Parallel()
	var shared core.Host
	seen := []int64{}
	mustFail(t, map[string]broken{
		"the host": {check: "two", says: "what happened at one desk changed the tables of the other", plugin: does(func(h core.Host) {
			shared = h
			h.Hooks().Ticket.Create.After.Add(h, "note", func(ctx context.Context, _ hooks.Event[core.TicketCreated]) error {
				return shared.DB(ctx).Exec("INSERT INTO " + shared.Table("notes") + " (ticket_id, body) VALUES (1, 'x')").Error
			})
		})},
		"a list": {check: "two", says: "what happened at one desk changed the answers of the other", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Create.Before.Add(h, "see", func(_ context.Context, d *core.TicketDraft) error {
				seen = append(seen, d.RequesterID)
				return nil
			})
			h.Handle("GET /api/toy", core.Agents, core.JSON(func(context.Context, struct{}) (struct {
				Seen []int64 `json:"seen"`
			}, error) {
				return struct {
					Seen []int64 `json:"seen"`
				}{seen}, nil
			}))
		})},
	})
}

// Both of these bear to see an event twice, as long as nobody dies in between.
func TestAfterHandlersThatDieInTheMiddle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes all of the moments at which one can die")
	}
	tell := func(ctx context.Context, h core.Host, e hooks.Event[core.TicketCreated]) error {
		_, err := h.Desk().Replies.Add(ctx, e.Data.Ticket.ID, core.ReplyDraft{Internal: true, Body: "a ticket"})
		return err
	}
	mark := func(ctx context.Context, h core.Host, e hooks.Event[core.TicketCreated]) (first bool, err error) {
		made := h.DB(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&note{TicketID: e.Data.Ticket.ID, EventID: &e.ID, Body: "seen"})
		return made.RowsAffected > 0, made.Error
	}
	seen := func(ctx context.Context, h core.Host, e hooks.Event[core.TicketCreated]) (n int64, err error) {
		return n, h.DB(ctx).Model(&note{}).Where("event_id = ?", e.ID).Count(&n).Error
	}
	rows := map[string]broken{}
	for _, db := range []Database{SQLite, Postgres} {
		rows["one that marks the event first, on "+string(db)] = broken{db: db, check: "kill", says: "- hookdesk_replies", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Create.After.Add(h, "note", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
				if first, err := mark(ctx, h, e); err != nil || !first {
					return err
				}
				return tell(ctx, h, e)
			})
		})}
		rows["one that marks the event last, on "+string(db)] = broken{db: db, check: "kill", says: "+ hookdesk_replies", plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Create.After.Add(h, "note", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
				if n, err := seen(ctx, h, e); err != nil || n > 0 {
					return err
				}
				if err := tell(ctx, h, e); err != nil {
					return err
				}
				_, err := mark(ctx, h, e)
				return err
			})
		})}
	}
	mustFail(t, rows)
}

package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// TestMain makes fewer checks than rapid would; -rapid.checks=1000 asks for more.
func TestMain(m *testing.M) {
	if checks := flag.Lookup("rapid.checks"); checks.DefValue == "100" {
		if err := checks.Value.Set("8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// Whatever people do to a desk, in whatever order, it says and keeps the same
// on every store. The one in memory is the model.
func TestADeskDoesTheSameOnEveryStore(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(*testing.T) func() (core.Config, func(), error){"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := fresh(t)
			rapid.Check(t, func(r *rapid.T) {
				config, closeDB, err := next()
				fine(r, err)
				defer closeDB()
				p := newPair(r, config)
				defer p.close(r)
				r.Repeat(p.actions())
				p.paging(r)
			})
		})
	}
}

func fine(r *rapid.T, err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func freshSQLite(t *testing.T) func() (core.Config, func(), error) {
	t.Helper()
	dir := t.TempDir()
	gormStoreIn(t, filepath.Join(dir, "template.db"))
	content, err := os.ReadFile(filepath.Join(dir, "template.db"))
	must(t, err)
	n := 0
	return func() (core.Config, func(), error) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n, ".db"))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return core.Config{}, nil, err
		}
		db, err := core.Open(path)
		return core.Config{DB: db}, func() { closePool(db) }, err
	}
}

func closePool(db *gorm.DB) {
	if pool, err := db.DB(); err != nil || pool.Close() != nil {
		panic("the database cannot be closed")
	}
}

// gormStoreIn makes the tables and lets go of the database.
func gormStoreIn(t *testing.T, dsn string) {
	t.Helper()
	db, err := core.Open(dsn)
	must(t, err)
	_, err = core.NewStore(db, "hookdesk_")
	must(t, err)
	closePool(db)
}

func freshPostgres(t *testing.T) func() (core.Config, func(), error) {
	t.Helper()
	dsn := pgtest.New(t)
	gormStoreIn(t, dsn)
	db := open(t, dsn)
	var tables string
	must(t, db.Raw(`SELECT string_agg(tablename, ',') FROM pg_tables WHERE tablename LIKE 'hookdesk\_%' AND tablename NOT LIKE '%\_migrations'`).Scan(&tables).Error)
	return func() (core.Config, func(), error) {
		return core.Config{DB: db}, func() {}, db.Exec("TRUNCATE " + tables + " RESTART IDENTITY CASCADE").Error
	}
}

// side is one of the two desks. Ids of tickets and replies may differ between
// them, so each has its own numbers, in order of appearance.
type side struct {
	*bare
	store   core.Store
	tickets []int64
	replies []int64
	events  int64 // the last that was compared
}

// pair is a desk and its model.
type pair struct {
	model, real *side
	who         []desktest.Who
	merged      map[int]before // by the source's number
}

// before is what a ticket was like when it was merged.
type before struct {
	ticket  core.Ticket
	replies map[int64]core.Reply
}

func newPair(r *rapid.T, c core.Config) *pair {
	r.Helper()
	p := &pair{merged: map[int]before{}, who: []desktest.Who{desktest.Customer, desktest.Stranger, desktest.Agent, desktest.Colleague, desktest.Admin}}
	model := core.Config{Store: core.NewMemoryStore()}
	p.model = newSide(r, model, model.Store)
	store, err := core.NewStore(c.DB, "hookdesk_")
	fine(r, err)
	p.real = newSide(r, c, store)
	p.both(r, "people, tags and departments", func(s *side) (any, error) {
		var ids []int64
		for _, who := range p.who {
			ids = append(ids, core.ActorFrom(s.as(who)).Person.ID)
		}
		for _, name := range []string{"one", "two", "three"} {
			tag, err := s.Tags.Create(s.as(desktest.Admin), core.TagPatch{Name: &name})
			if err != nil {
				return nil, err
			}
			ids = append(ids, tag.ID)
		}
		for i, agents := range [][]int64{{ids[3]}, {}} { // the colleague sees one department, the agent all
			dep, err := s.Departments.Create(s.as(desktest.Admin), core.DepartmentPatch{Name: new(fmt.Sprint("dep ", i)), Agents: &agents})
			if err != nil {
				return nil, err
			}
			ids = append(ids, dep.ID)
		}
		return ids, nil
	})
	for i := range 4 { // a desk at work
		who := p.who[i%2]
		p.both(r, "a ticket with an answer", func(s *side) (any, error) {
			draft := core.TicketDraft{Subject: "help", Body: "public words", Tags: []string{"one", "two", "three"}[:i]}
			t, err := s.Tickets.Create(s.as(who), draft)
			if err != nil {
				return nil, err
			}
			_, err = s.Replies.Add(s.as(who), t.ID, core.ReplyDraft{Body: "public words"})
			return t, err
		})
	}
	p.compared(r)
	return p
}

func newSide(r *rapid.T, c core.Config, store core.Store) *side {
	r.Helper()
	b, err := startBare(c)
	fine(r, err)
	return &side{bare: b, store: store}
}

func (p *pair) close(r *rapid.T) {
	r.Helper()
	for _, s := range []*side{p.model, p.real} {
		if err := s.stop(); err != nil {
			r.Error(err)
		}
	}
}

// both does something on both desks; the results must be alike.
func (p *pair) both(r *rapid.T, what string, do func(*side) (any, error)) error {
	r.Helper()
	said := map[*side]string{}
	var failed error
	for _, s := range []*side{p.real, p.model} {
		result, err := do(s)
		var e *core.Error
		if err != nil && !errors.As(err, &e) {
			r.Fatalf("%s: a fault: %v", what, err)
		}
		said[s], failed = s.tell(result, e), err
	}
	if said[p.model] != said[p.real] {
		r.Fatalf("%s\nthe model says %s\nthe desk says  %s", what, said[p.model], said[p.real])
	}
	return failed
}

var (
	references = regexp.MustCompile(`HD-(\d+)`)
	digits     = regexp.MustCompile(`\d+`)
)

// tell writes a result with the side's own numbers in place of ids.
func (s *side) tell(result any, e *core.Error) string {
	if e == nil {
		return s.numbered(result)
	}
	text := fmt.Sprint(e.Kind, e.Code, digits.ReplaceAllString(e.Message, "N"), digits.ReplaceAllString(fmt.Sprint(e.Fields), "N"))
	if now, ok := e.Changes.(core.Meanwhile); ok {
		text += fmt.Sprint(now.Version) + s.numbered(activities(now.Changes))
	}
	return text
}

func (s *side) numbered(v any) string {
	switch v := v.(type) {
	case core.Ticket:
		return s.ticket(v)
	case []core.Ticket:
		return joined(v, s.ticket)
	case []core.Reply:
		return joined(v, s.reply)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func joined[T any](list []T, tell func(T) string) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = tell(v)
	}
	return strings.Join(out, "\n")
}

func number(known *[]int64, id int64) int64 {
	i := slices.Index(*known, id)
	if i < 0 {
		i, *known = len(*known), append(*known, id)
	}
	return int64(i)
}

func (s *side) pointer(known *[]int64, id *int64) *int64 {
	if id == nil {
		return nil
	}
	return new(number(known, *id))
}

func (s *side) ticket(t core.Ticket) string {
	t.ID, t.MergedIntoID, t.SplitFromID = number(&s.tickets, t.ID), s.pointer(&s.tickets, t.MergedIntoID), s.pointer(&s.tickets, t.SplitFromID)
	text, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (s *side) reply(r core.Reply) string {
	r.ID, r.TicketID, r.MergedFromID = number(&s.replies, r.ID), number(&s.tickets, r.TicketID), s.pointer(&s.tickets, r.MergedFromID)
	r.Body = references.ReplaceAllStringFunc(r.Body, func(ref string) string {
		var id int64
		if _, err := fmt.Sscanf(ref, "HD-%d", &id); err != nil {
			panic(err)
		}
		return fmt.Sprint("HD#", number(&s.tickets, id))
	})
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// activities are what people read of events, without ids and data.
func activities(items []core.ActivityItem) []core.ActivityItem {
	out := slices.Clone(items)
	for i := range out {
		out[i].ID, out[i].Data = 0, nil
	}
	return out
}

// compared holds the rows of the two desks against each other, and each
// against what its tickets say of them.
func (p *pair) compared(r *rapid.T) {
	r.Helper()
	ctx := context.Background()
	p.both(r, "the rows of tickets", func(s *side) (any, error) { return find[core.Ticket](ctx, s, "id") })
	p.both(r, "the rows of replies", func(s *side) (any, error) { return find[core.Reply](ctx, s, "id") })
	p.both(r, "the rows of tags on tickets", func(s *side) (any, error) {
		marks, err := find[core.TicketTag](ctx, s, "ticket_id", "tag_id")
		for i := range marks {
			marks[i].TicketID = number(&s.tickets, marks[i].TicketID)
		}
		return marks, err
	})
	p.both(r, "the events", func(s *side) (any, error) {
		events, err := find[core.Event](ctx, s, "id", core.Where("id", core.Greater, s.events))
		for i := range events {
			s.events = events[i].ID
			events[i].ID, events[i].TicketID, events[i].Payload = 0, s.pointer(&s.tickets, events[i].TicketID), ""
		}
		return events, err
	})
	p.model.coherent(r)
}

func find[T any](ctx context.Context, s *side, order string, more ...any) ([]T, error) {
	q := core.Query{Order: []core.Order{{Column: order}}}
	for _, m := range more {
		switch m := m.(type) {
		case string:
			q.Order = append(q.Order, core.Order{Column: m})
		case core.Cond:
			q.Where = append(q.Where, m)
		}
	}
	rows := []T{}
	err := s.store.Find(ctx, &rows, q)
	return rows, err
}

// coherent holds what a ticket's row repeats against the rows that it repeats.
func (s *side) coherent(r *rapid.T) {
	r.Helper()
	ctx := context.Background()
	tickets, err := find[core.Ticket](ctx, s, "id")
	fine(r, err)
	for _, t := range tickets {
		replies, err := find[core.Reply](ctx, s, "number", core.Is("ticket_id", t.ID))
		fine(r, err)
		marks, err := find[core.TicketTag](ctx, s, "tag_id", core.Is("ticket_id", t.ID))
		fine(r, err)
		public, last := 0, 0
		for _, m := range replies {
			if last = m.Number; m.Kind == core.ReplyPublic && m.DeletedAt == nil && m.Number > 0 {
				public++
			}
		}
		at := s.ticket(t)
		if t.MergedIntoID == nil && (public != t.ReplyCount || last > t.LastNumber || len(replies) == 0 || replies[0].Number != 0) {
			r.Fatalf("%d public replies and the last number %d of %d messages: %s", public, last, len(replies), at)
		}
		if t.MergedIntoID != nil && len(replies) > 0 {
			r.Fatalf("a merged ticket has replies of its own: %s", at)
		}
		if open := !t.Status.Done() && t.MergedIntoID == nil && t.DeletedAt == nil; open != t.IsOpen {
			r.Fatalf("is_open is wrong: %s", at)
		}
		if len(marks) != t.TagCount {
			r.Fatalf("%d tags: %s", len(marks), at)
		}
		for _, m := range marks {
			if m.IsOpen != t.IsOpen || m.Priority != t.Priority || m.CreatedAt != t.CreatedAt || m.UpdatedAt != t.UpdatedAt {
				r.Fatalf("the sort keys of a tag %+v are not those of %s", m, at)
			}
		}
	}
}

// someTicket draws the number of a ticket; now and then there is none of it.
func (p *pair) someTicket(r *rapid.T) int {
	r.Helper()
	if len(p.model.tickets) == 0 {
		r.Skip("no ticket yet")
	}
	return rapid.IntRange(0, len(p.model.tickets)).Draw(r, "ticket")
}

func (s *side) id(n int) int64 {
	if n >= len(s.tickets) {
		return 1 << 40
	}
	return s.tickets[n]
}

func (s *side) replyID(n int) int64 {
	if n >= len(s.replies) {
		return 1 << 40
	}
	return s.replies[n]
}

func (p *pair) actor(r *rapid.T) desktest.Who {
	r.Helper()
	return p.who[rapid.SampledFrom([]int{2, 2, 3, 4, 0, 0, 1}).Draw(r, "actor")] // agents do most of the work
}

// tick lets some time pass, or none, and never so much that the bin is emptied:
// that is a job, which runs when it runs.
func (p *pair) tick(r *rapid.T) {
	r.Helper()
	d := rapid.SampledFrom([]time.Duration{0, time.Microsecond, time.Minute, time.Hour}).Draw(r, "time")
	p.model.clock.Advance(d)
	p.real.clock.Advance(d)
}

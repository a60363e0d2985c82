package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// The ways in which a desk breaks its word.
const (
	lost        = "lost"         // what was acknowledged is not there, or not as it was
	half        = "half-applied" // some rows of a change are there and others are not
	undelivered = "undelivered"  // a handler never saw an event
	disorder    = "out of order" // a handler saw a later event of a ticket first
	doubled     = "twice"        // an effect, a change or a job's work happened twice
	missed      = "missed"       // a browser was not told
	unsound     = "unsound"      // the database, a lease left behind, a process that ended by itself
)

// kinds lists them in the order of the table.
func kinds() []string {
	return []string{lost, half, undelivered, disorder, doubled, missed, unsound}
}

// faults are what was found, by kind.
type faults map[string][]string

func (f faults) add(kind, format string, args ...any) {
	f[kind] = append(f[kind], fmt.Sprintf(format, args...))
}

// evidence is what stands in the database, read by SQL of its own.
type evidence struct {
	db      *gorm.DB
	files   string
	tickets map[int64]ticketRow
	replies []replyRow
	events  []eventRow
}

type ticketRow struct {
	ID           int64
	Subject      string
	Priority     int
	ReplyCount   int
	LastNumber   int
	MergedIntoID *int64
}

type replyRow struct {
	ID       int64
	TicketID int64
	Number   int
	Kind     int
	Body     string
	SHA256   *string `gorm:"column:sha256"`
}

type eventRow struct {
	ID       int64
	TicketID int64
	Type     string
	Reply    int64 // of reply.added
	Seq      int64
}

func gather(db *gorm.DB, files string) (*evidence, error) {
	e := &evidence{db: db, files: files, tickets: map[int64]ticketRow{}}
	var tickets []ticketRow
	seq, join, reply := "e.id", "", "json_extract(e.payload, '$.reply.id')"
	if postgres(db) {
		seq, join, reply = "coalesce(s.seq, 0)", "LEFT JOIN hookdesk_event_seq s ON s.event_id = e.id", "(e.payload::json #>> '{reply,id}')::bigint"
	}
	err := scan(db, &tickets, "SELECT id, subject, priority, reply_count, last_number, merged_into_id FROM hookdesk_tickets")
	if err == nil {
		err = scan(db, &e.replies, `SELECT r.id, r.ticket_id, r.number, r.kind, r.body, a.sha256 FROM hookdesk_replies r
			LEFT JOIN hookdesk_attachments a ON a.reply_id = r.id ORDER BY r.id`)
	}
	if err == nil {
		err = scan(db, &e.events, "SELECT e.id, e.ticket_id, e.type, coalesce(CASE WHEN e.type = 'reply.added' THEN "+reply+" END, 0) AS reply, "+seq+
			" AS seq FROM hookdesk_events e "+join+" WHERE e.ticket_id IS NOT NULL ORDER BY e.id")
	}
	for _, t := range tickets {
		e.tickets[t.ID] = t
	}
	if !slices.ContainsFunc(e.events, func(ev eventRow) bool { return ev.Seq > 0 }) { // of the bug that follows ids
		for i := range e.events {
			e.events[i].Seq = e.events[i].ID
		}
	}
	return e, err
}

func postgres(db *gorm.DB) bool { return db.Name() == "postgres" }

func scan(db *gorm.DB, into any, sql string) error { return db.Raw(sql).Scan(into).Error }

// judge holds the database against what was acknowledged.
func (e *evidence) judge(acknowledged []entry, planted bool) (faults, error) {
	f := faults{}
	e.kept(f, acknowledged)
	e.merged(f, acknowledged)
	e.whole(f)
	for _, check := range []func(faults) error{e.delivered, e.ordered, e.once, e.sound} {
		if err := check(f); err != nil {
			return f, err
		}
	}
	if !planted { // a desk on a foreign Store has no transaction for plugins
		return f, e.inside(f)
	}
	return f, nil
}

// home is the ticket that a ticket has ended in.
func (e *evidence) home(id int64) int64 {
	for e.tickets[id].MergedIntoID != nil {
		id = *e.tickets[id].MergedIntoID
	}
	return id
}

// kept looks for each text and priority.
func (e *evidence) kept(f faults, acknowledged []entry) {
	texts := map[string][]replyRow{}
	for _, r := range e.replies {
		texts[r.Body] = append(texts[r.Body], r)
	}
	priorities := map[int64]string{}
	for _, a := range acknowledged {
		switch {
		case a.Op == "priority":
			priorities[a.Ticket] = a.Priority
			continue
		case a.Op == "merge":
			continue
		case a.Op == "ticket" && e.tickets[a.Ticket].Subject != a.Token:
			f.add(lost, "ticket %d %q", a.Ticket, a.Token)
		}
		found := texts[a.Token]
		switch {
		case len(found) == 0:
			f.add(lost, "the %s %q to ticket %d", a.Op, a.Token, a.Ticket)
		case len(found) > 1:
			f.add(doubled, "the %s %q stands %d times", a.Op, a.Token, len(found))
		case found[0].TicketID != e.home(a.Ticket):
			f.add(lost, "%q stands in ticket %d, not in %d", a.Token, found[0].TicketID, e.home(a.Ticket))
		case a.File != "":
			e.attached(f, a, found[0])
		}
	}
	for ticket, want := range priorities {
		if got := core.Priority(e.tickets[ticket].Priority).String(); got != want {
			f.add(lost, "ticket %d has the priority %s, not %s", ticket, got, want)
		}
	}
}

func (e *evidence) attached(f faults, a entry, r replyRow) {
	sum := sha256.Sum256([]byte(a.File))
	name := hex.EncodeToString(sum[:])
	if r.SHA256 == nil || *r.SHA256 != name {
		f.add(lost, "the file of %q", a.Token)
		return
	}
	content, err := os.ReadFile(filepath.Join(e.files, name[:2], name))
	if err != nil || string(content) != a.File {
		f.add(lost, "the content of the file of %q: %v", a.Token, err)
	}
}

func (e *evidence) merged(f faults, acknowledged []entry) {
	for _, a := range acknowledged {
		if a.Op != "merge" {
			continue
		}
		if e.tickets[a.Source].MergedIntoID == nil || e.home(a.Source) != e.home(a.Ticket) {
			f.add(lost, "the merge of ticket %d into %d", a.Source, a.Ticket)
		}
	}
}

// sound lets the database examine itself, and looks for leases that were not
// handed back.
func (e *evidence) sound(f faults) error {
	checks := []string{"PRAGMA integrity_check", "SELECT 'the table ' || \"table\" || ' refers to nothing' FROM pragma_foreign_key_check"}
	if postgres(e.db) {
		if err := e.db.Exec("CREATE EXTENSION IF NOT EXISTS amcheck").Error; err != nil {
			return err
		}
		checks = []string{`SELECT 'the index ' || c.relname || bt_index_check(c.oid, true)::text FROM pg_class c
			JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree' WHERE c.relkind = 'i' AND starts_with(c.relname, 'hookdesk_')`}
	}
	for _, table := range []string{"consumers", "jobs"} {
		checks = append(checks, "SELECT name || ' has a lease still' FROM hookdesk_"+table+" WHERE beat <> 0")
	}
	for _, sql := range checks {
		var said []string
		if err := scan(e.db, &said, sql); err != nil {
			f.add(unsound, "%v", err)
		}
		for _, s := range said {
			if s != "ok" && !strings.HasPrefix(s, "the index ") {
				f.add(unsound, "%s", s)
			}
		}
	}
	return nil
}

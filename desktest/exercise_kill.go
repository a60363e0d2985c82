package desktest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// killLease is how long the dead keep their handlers.
const killLease = 150 * time.Millisecond

// killPoints is before how many commits a process is let die, one after the
// other, while a ticket goes through the plugin.
const killPoints = 10

// checkKill lets the process die before each of the commits that a ticket's events
// lead to. Started again, it must leave the ticket as if nothing had happened.
func (s *suite) checkKill(t testing.TB, db Database) {
	k := s.mortal(t, db)
	want := k.d.about(k.life())
	points := killPoints
	if testing.Short() {
		points = 3
	}
	for n := 1; n <= points; n++ {
		died := k.deaths
		k.fuse.arm(n)
		ticket := k.life()
		if diff := differ(want, k.d.about(ticket)); diff != "" {
			t.Errorf("its process died before the commit number %d; afterwards, the ticket's rows are others than they should be:\n%s", n, diff)
		}
		if k.deaths == died {
			return // there was no nth commit
		}
	}
}

// mortal is a desk on a database that can be taken from it.
type mortal struct {
	t    testing.TB
	s    *suite
	d    *Desk
	kind Database
	dsn  string
	fuse *fuse

	deaths int
}

func (s *suite) mortal(t testing.TB, db Database) *mortal {
	k := &mortal{t: t, s: s, kind: db}
	k.d = prepare(t, db, func(c *core.Config) {
		c.Lease = killLease
		k.dsn = db.dsn(t, *c)
		k.open(c)
	}, s.plugins()...)
	k.d.AllowErrors()
	k.d.run()
	t.Cleanup(func() { k.d.stop() })
	return k
}

// open gives the desk a way to the database that has not ended yet.
func (k *mortal) open(c *core.Config) {
	fuse := &fuse{}
	db, err := fuse.open(k.kind, k.dsn)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		if err := closeDB(db); err != nil {
			k.t.Error(err)
		}
	})
	k.fuse, c.DB = fuse, db
}

// restart is what whoever runs the program does when it has died.
func (k *mortal) restart() {
	k.deaths++
	k.d.stop()
	k.open(&k.d.Config)
	k.d.DB = k.d.Config.DB
	k.d.Reopen(k.s.plugins()...)
}

// life makes a ticket and lets people talk about it, each when the handlers have
// done with what was before. Who gets no answer asks again.
func (k *mortal) life() (ticket int64) {
	k.do(func() error {
		t, err := k.d.Tickets.Create(k.d.As(Customer), core.TicketDraft{Subject: ordinary, Body: ordinary})
		ticket = t.ID
		return err
	})
	for _, who := range []Who{Agent, Customer} {
		k.do(func() error {
			_, err := k.d.Replies.Add(k.d.As(who), ticket, core.ReplyDraft{Body: ordinary})
			return err
		})
	}
	return ticket
}

func (k *mortal) do(act func() error) {
	err := act()
	if err != nil && k.fuse.alive() != nil {
		k.restart()
		err = act()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.settle()
}

// settle waits until all handlers have done their work, in this process or, when
// that dies, in the next.
func (k *mortal) settle() {
	if !eventually(func() bool { return k.fuse.alive() != nil || k.quiet() }) {
		k.t.Fatalf("the events were not taken within %v: %v", patience, k.d.Errors())
	}
	if k.fuse.alive() != nil {
		k.restart()
		k.d.Settle()
	}
}

func (k *mortal) quiet() bool {
	done, err := k.d.Settled(k.d.asDesk())
	return err == nil && done
}

// about is how many rows of each kind there are about a ticket.
func (d *Desk) about(ticket int64) (lines []string) {
	d.t.Helper()
	for _, name := range d.tables(d.Config.TablePrefix) {
		rows, err := rowsOf(d.DB, name)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, row := range rows {
			if fmt.Sprint(row["ticket_id"]) == fmt.Sprint(ticket) {
				lines = append(lines, fmt.Sprint(name, " ", row["type"]))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

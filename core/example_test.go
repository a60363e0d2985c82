package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// newDesk makes a desk on a new database.
func newDesk(plugins ...core.Plugin) (desk *core.Desk, db *gorm.DB, done func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	db, err = core.Open(filepath.Join(dir, "desk.db")) // or postgres://…
	check(err)
	desk, err = core.New(core.Config{DB: db, Plugins: plugins, Logger: slog.New(slog.DiscardHandler)})
	check(err)
	return desk, db, func() {
		pool, err := db.DB()
		check(errors.Join(err, desk.Close(), pool.Close(), os.RemoveAll(dir)))
	}
}

// as is a context in which Carla acts, who is a customer.
func as(desk *core.Desk) context.Context {
	carla, err := desk.ActorOf(context.Background(), core.Identity{UserID: "7", Name: "Carla", Role: core.Requester})
	check(err)
	return core.As(context.Background(), carla)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example() {
	desk, _, done := newDesk()
	defer done()
	carla := as(desk)

	for _, subject := range []string{"The printer burns", "The scanner is on fire, too"} {
		_, err := desk.Tickets.Create(carla, core.TicketDraft{Subject: subject, Body: "Help!", Priority: core.High})
		check(err)
	}
	page, err := desk.Tickets.List(carla, core.TicketQuery{Sort: "created"})
	check(err)
	for _, t := range page.Tickets {
		fmt.Println(t.Reference(), t.Status, t.Priority, t.Subject)
	}
	// Output:
	// HD-1 open high The printer burns
	// HD-2 open high The scanner is on fire, too
}

// A hook of the host's own refuses tickets. Hooks that run before a change may
// refuse it or change the draft; those that run after it cannot.
func ExampleInline() {
	polite := core.Inline("acme", func(h core.Host) error {
		h.Hooks().Ticket.Create.Before.Add(h, "no-shouting", func(_ context.Context, draft *core.TicketDraft) error {
			if draft.Subject == strings.ToUpper(draft.Subject) {
				return hooks.Veto("shouting", "Please do not shout.")
			}
			return nil
		})
		return nil
	})
	desk, _, done := newDesk(polite)
	defer done()
	carla := as(desk)

	_, err := desk.Tickets.Create(carla, core.TicketDraft{Subject: "IT BURNS", Body: "Help!"})
	fmt.Println(core.KindOf(err) == core.Invalid, err)
	ticket, err := desk.Tickets.Create(carla, core.TicketDraft{Subject: "It burns", Body: "Help!"})
	fmt.Println(ticket.Reference(), err)
	// Output:
	// true Please do not shout.
	// HD-1 <nil>
}

// A ticket that is made in the host's own transaction stands or falls with it.
func ExampleWithTx() {
	desk, db, done := newDesk()
	defer done()
	carla := as(desk)

	err := db.Transaction(func(tx *gorm.DB) error {
		if _, err := desk.Tickets.Create(core.WithTx(carla, tx), core.TicketDraft{Subject: "Order 7", Body: "Where is it?"}); err != nil {
			return err
		}
		return errors.New("the order itself could not be written")
	})
	fmt.Println(err)

	page, err := desk.Tickets.List(carla, core.TicketQuery{})
	check(err)
	fmt.Println(len(page.Tickets), "tickets")
	// Output:
	// the order itself could not be written
	// 0 tickets
}

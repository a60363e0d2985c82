package blocklist_test

import (
	"fmt"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/examples/custom-plugin/blocklist"
)

func TestPlugin(t *testing.T) {
	t.Parallel()
	desktest.Exercise(t, func() core.Plugin { return words("darn") }, desktest.With(
		func(t testing.TB, d *desktest.Desk, ticket core.Ticket) {
			t.Helper()
			d.Do(desktest.Customer, "POST /api/tickets", `{"subject":"Printer","body":"That darn thing!"}`).Want(422)
			d.Do(desktest.Customer, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), `{"body":"Darn it."}`).Want(201)
		}))
}

func words(words ...string) *blocklist.Plugin { return blocklist.New(blocklist.Config{Words: words}) }

// ticket is what these tests read of a ticket.
type ticket struct {
	Extras struct {
		Blocklist struct {
			Hits int
			Last string
		}
	}
}

func TestATicketWithAForbiddenWordIsRefused(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, words("darn"))
		var problem struct{ Code, Detail string }
		d.Do(desktest.Customer, "POST /api/tickets", `{"subject":"Printer","body":"That DARN thing!"}`).Want(422).JSON(&problem)
		if problem.Code != "forbidden_word" || problem.Detail != `Please say it without the word "darn".` {
			t.Errorf("%+v", problem)
		}
		d.Do(desktest.Customer, "POST /api/tickets", `{"subject":"Darning needles","body":"Do you sell some?"}`).Want(201)
		if events := d.Events(0); len(events) != 2 { // the customer was seen, and one ticket was made
			t.Errorf("%d events: %+v", len(events), events)
		}
	})
}

func TestAReplyWithAForbiddenWordIsCountedAndNotedOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, words("darn"))
		at := fmt.Sprintf("/api/tickets/%d", d.Ticket(desktest.Customer).ID)
		d.Do(desktest.Customer, "POST "+at+"/replies", `{"body":"Darn it. Darn it all."}`).Want(201)
		d.Do(desktest.Agent, "POST "+at+"/replies", `{"body":"Darn indeed."}`).Want(201)
		d.Settle()
		d.Reopen(words("darn")) // a restart does not tell the tale again
		d.Settle()

		var seen struct {
			Ticket  ticket
			Replies []struct{ Kind, Body string }
		}
		d.Do(desktest.Agent, "GET "+at, nil).Want(200).JSON(&seen)
		if b := seen.Ticket.Extras.Blocklist; b.Hits != 1 || b.Last != "darn" {
			t.Errorf("the agent is shown %+v", b)
		}
		if n := len(seen.Replies); n != 4 || seen.Replies[3].Kind != "note" && seen.Replies[2].Kind != "note" {
			t.Errorf("%d replies: %+v", n, seen.Replies)
		}
		seen.Ticket, seen.Replies = ticket{}, nil
		d.Do(desktest.Customer, "GET "+at, nil).Want(200).JSON(&seen)
		if b := seen.Ticket.Extras.Blocklist; b.Hits != 1 || b.Last != "" || len(seen.Replies) != 3 {
			t.Errorf("the customer is shown %+v and %d replies", b, len(seen.Replies))
		}

		var list struct{ Hits []blocklist.Hit }
		d.Do(desktest.Agent, "GET /api/blocklist/hits", nil).Want(200).JSON(&list)
		if len(list.Hits) != 1 || list.Hits[0].Word != "darn" {
			t.Errorf("hits %+v", list.Hits)
		}
		d.Do(desktest.Customer, "GET /api/blocklist/hits", nil).Want(403)
	})
}

func TestAnAdminNamesTheWordsWhileTheDeskRuns(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, words("darn"))
		d.Do(desktest.Admin, "PUT /api/settings/blocklist", `{"value":{"words":["heck"]}}`).Want(200)
		d.Do(desktest.Customer, "POST /api/tickets", `{"subject":"Darn","body":"x"}`).Want(201)
		d.Do(desktest.Customer, "POST /api/tickets", `{"subject":"Heck","body":"x"}`).Want(422)
		d.Do(desktest.Admin, "POST /api/plugins/blocklist/disable", nil).Want(200)
		d.Do(desktest.Customer, "POST /api/tickets", `{"subject":"Heck","body":"x"}`).Want(201)
		d.Do(desktest.Agent, "GET /api/blocklist/hits", nil).Want(404)
	})
}

func TestAHitGoesWithItsTicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, words("darn"))
		made := d.Ticket(desktest.Customer)
		if _, err := d.Replies.Add(d.As(desktest.Customer), made.ID, core.ReplyDraft{Body: "darn"}); err != nil {
			t.Fatal(err)
		}
		d.Settle()
		if err := d.DB.Exec("DELETE FROM hookdesk_replies WHERE ticket_id = ?", made.ID).Error; err != nil {
			t.Fatal(err)
		}
		var left int64
		if err := d.DB.Table("hookdesk_blocklist_hits").Count(&left).Error; err != nil || left != 0 {
			t.Errorf("%d hits are left (%v)", left, err)
		}
	})
}

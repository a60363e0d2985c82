package api_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/desktest"
)

// everything that a customer can read of the desk, in one text.
func customerSees(d *desktest.Desk, ticket int64) []byte {
	var all bytes.Buffer
	for _, request := range []string{
		"GET /api/tickets", "GET /api/tickets?sort=created", "GET /api/tickets?count=true&limit=1", "GET /api/tickets?q=canary", "GET /api/tickets?q=ticket",
		"GET /api/tickets/%d", "GET /api/tickets/%d/replies", "GET /api/tickets/%d/replies?limit=1", "GET /api/tickets/%d/activities", "GET /api/departments", "GET /api/me",
	} {
		if strings.Contains(request, "%d") {
			request = fmt.Sprintf(request, ticket)
		}
		res := d.Do(desktest.Customer, request, nil)
		fmt.Fprintf(&all, "%s\n%d %s\n%s\n", request, res.Status, res.Header.Get("ETag"), res.Body)
	}
	return all.Bytes()
}

func TestANoteLeavesNoTraceForCustomers(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		other := d.Ticket(desktest.Customer)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "hello"}).Want(201)
		d.Settle()
		before := customerSees(d, ticket.ID)

		d.Advance(time.Hour)
		var note struct{ ID int64 }
		at := fmt.Sprintf("/api/tickets/%d/replies", ticket.ID)
		d.Do(desktest.Agent, "POST "+at, map[string]any{"body": "canary-4711", "internal": true}).Want(201).JSON(&note)
		d.Do(desktest.Agent, fmt.Sprintf("PATCH %s/%d", at, note.ID), map[string]any{"body": "canary-4712"}).Want(200)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/replies", other.ID), map[string]any{"body": "canary", "internal": true}).Want(201)
		d.Do(desktest.Agent, fmt.Sprintf("DELETE %s/%d", at, note.ID), nil).Want(204)
		d.Settle()
		if after := customerSees(d, ticket.ID); !bytes.Equal(before, after) {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
		found := d.Do(desktest.Agent, "GET /api/tickets?q=canary", nil).Want(200)
		if !bytes.Contains(found.Body, []byte(other.Reference())) {
			t.Errorf("the agent does not find the note: %s", found.Body)
		}
	})
}

func TestASplitNoteStaysANote(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		var note, split struct{ ID int64 }
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "canary-1", "internal": true}).Want(201).JSON(&note)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/split", ticket.ID), map[string]any{"reply_id": note.ID}).Want(201).JSON(&split)
		for _, id := range []int64{ticket.ID, split.ID} {
			if seen := customerSees(d, id); bytes.Contains(seen, []byte("canary-1")) {
				t.Errorf("the customer reads the note: %s", seen)
			}
		}
	})
}

func TestMergedConversationsOfTwoCustomersStayApart(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		mine, theirs := d.Ticket(desktest.Customer), d.Ticket(desktest.Stranger)
		d.Do(desktest.Stranger, fmt.Sprintf("POST /api/tickets/%d/replies", theirs.ID), map[string]any{"body": "canary-2"}).Want(201)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/merge", mine.ID), map[string]any{"sources": []int64{theirs.ID}}).Want(200)
		d.Settle()
		if seen := customerSees(d, mine.ID); bytes.Contains(seen, []byte("canary-2")) || bytes.Contains(seen, []byte(theirs.Reference())) {
			t.Errorf("one customer reads the other: %s", seen)
		}
		read := d.Do(desktest.Stranger, fmt.Sprintf("GET /api/tickets/%d", theirs.ID), nil).Want(200)
		if !bytes.Contains(read.Body, []byte("canary-2")) || bytes.Contains(read.Body, []byte(fmt.Sprintf(`"merged_into_id":%d`, mine.ID))) {
			t.Errorf("the stranger no longer reads the own words, or learns of the other ticket: %s", read.Body)
		}
	})
}

package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/desktest"
)

func key(k string) http.Header { return http.Header{"Idempotency-Key": {k}} }

func TestARequestSentTwiceIsDoneOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		body := map[string]any{"subject": "once", "body": "only"}
		one := d.DoWith(desktest.Customer, "POST /api/tickets", body, key("k1")).Want(http.StatusCreated)
		two := d.DoWith(desktest.Customer, "POST /api/tickets", body, key("k1")).Want(http.StatusCreated)
		if !bytes.Equal(one.Body, two.Body) || two.Header.Get("ETag") != one.Header.Get("ETag") || two.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the second answer differs: %s", two.Body)
		}
		d.DoWith(desktest.Customer, "POST /api/tickets", map[string]any{"subject": "twice", "body": "x"}, key("k1")).Want(http.StatusUnprocessableEntity)
		d.DoWith(desktest.Stranger, "POST /api/tickets", body, key("k1")).Want(http.StatusCreated)
		d.Reopen()
		three := d.DoWith(desktest.Customer, "POST /api/tickets", body, key("k1")).Want(http.StatusCreated)
		if !bytes.Equal(one.Body, three.Body) {
			t.Errorf("after a restart the answer differs: %s", three.Body)
		}
		d.Advance(25 * time.Hour)
		four := d.DoWith(desktest.Customer, "POST /api/tickets", body, key("k1")).Want(http.StatusCreated)
		if bytes.Equal(one.Body, four.Body) {
			t.Error("the key still holds after a day")
		}
	})
}

// The process may die between the commit and the moment at which the answer
// is kept.
func TestAnAnswerLostInACrashIsBuiltAgain(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		body := map[string]any{"body": "only once"}
		at := fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID)
		one := d.DoWith(desktest.Customer, at, body, key("k2")).Want(http.StatusCreated)
		lose := d.DB.Exec("UPDATE hookdesk_idempotency_keys SET status = 0, answer = ''")
		if lose.Error != nil || lose.RowsAffected != 1 {
			t.Fatal(lose.Error, lose.RowsAffected)
		}
		two := d.DoWith(desktest.Customer, at, body, key("k2")).Want(http.StatusCreated)
		if !bytes.Equal(one.Body, two.Body) {
			t.Errorf("want %s, got %s", one.Body, two.Body)
		}
		if now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID); err != nil || now.ReplyCount != 1 {
			t.Errorf("%d replies: %v", now.ReplyCount, err)
		}
	})
}

func TestTheSameKeyAtOnceIsDoneOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				res := d.DoWith(desktest.Customer, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "x"}, key("k3"))
				if res.Status != 201 && res.Status != 409 {
					t.Errorf("%d %s", res.Status, res.Body)
				}
			})
		}
		wg.Wait()
		if now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID); err != nil || now.ReplyCount != 1 {
			t.Errorf("%d replies: %v", now.ReplyCount, err)
		}
	})
}

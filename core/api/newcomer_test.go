package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// What changes nothing is refused like all else that its caller may not ask for:
// or a customer could find out, one guess after the other, how a ticket is tagged
// and who works on it.
func TestACustomerCannotGuessWhatIsHidden(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		at := fmt.Sprintf("/api/tickets/%d", ticket.ID)
		agent := d.PersonID(desktest.Agent)
		d.Do(desktest.Admin, "POST /api/tags", map[string]any{"name": "bug"}).Want(201)
		d.Do(desktest.Agent, "PATCH "+at, map[string]any{"tags": []string{"bug"}, "assignee": agent}).Want(200)
		for _, guess := range []map[string]any{
			{"tags": []string{}}, {"tags": []string{"bug"}}, {"tags": []string{"nope"}}, {"assignee": agent}, {"assignee": agent + 1000}, {"assignee": nil},
			{"priority": ticket.Priority}, {"subject": ticket.Subject}, {"department_id": nil},
		} {
			d.Do(desktest.Customer, "PATCH "+at, guess).Want(http.StatusForbidden)
		}
		d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": "x", "body": "x", "tags": []string{"bug"}}).Want(http.StatusForbidden)
		for _, path := range []string{at, at + "/activities", "/api/events?after=0"} {
			if told := d.Do(desktest.Customer, "GET "+path, nil).Want(200); bytes.Contains(told.Body, []byte("assignee_id")) {
				t.Errorf("%s tells the customer the number of an agent: %s", path, told.Body)
			}
		}
	})
}

func TestAnUploadThatIsCutOffIsTheCallersFault(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	half := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n111"
	d.DoWith(desktest.Customer, "POST /api/attachments", half, http.Header{"Content-Type": {"multipart/form-data; boundary=B"}}).Want(http.StatusBadRequest)
}

func TestAConditionThatNobodyWouldCheckIsRefused(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		reply, err := d.Replies.Add(d.As(desktest.Agent), ticket.ID, core.ReplyDraft{Body: "as it was"})
		if err != nil {
			t.Fatal(err)
		}
		at := fmt.Sprintf("/api/tickets/%d/replies/%d", ticket.ID, reply.ID)
		for _, request := range []string{"PATCH " + at, "DELETE " + at, fmt.Sprintf("DELETE /api/tickets/%d", ticket.ID), "PUT /api/settings/core"} {
			d.DoWith(desktest.Admin, request, map[string]any{"body": "over it", "value": map[string]any{}}, http.Header{"If-Match": {`"999"`}}).Want(http.StatusUnprocessableEntity)
		}
		edited := d.Do(desktest.Agent, "PATCH "+at, map[string]any{"body": "once", "edited_at": nil}).Want(200)
		d.Do(desktest.Admin, "PATCH "+at, map[string]any{"body": "over it", "edited_at": nil}).Want(http.StatusConflict)
		var now struct {
			EditedAt core.Time `json:"edited_at"`
		}
		edited.JSON(&now)
		d.Do(desktest.Admin, "PATCH "+at, map[string]any{"body": "twice", "edited_at": now.EditedAt}).Want(200)
	})
}

// Who was an agent when a change was made is not shown it again as a customer.
func TestAnAnswerIsKeptForTheRoleThatGotIt(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	ticket := d.Ticket(desktest.Customer)
	at := fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID)
	note := map[string]any{"body": "between us", "internal": true}
	d.DoWith(desktest.Agent, at, note, key("k")).Want(201)
	demoted := desktest.Agent
	demoted.Role = core.Requester
	if res := d.DoWith(demoted, at, note, key("k")); res.Status != http.StatusNotFound || strings.Contains(string(res.Body), "between us") {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

func TestASubjectFitsOnOneLine(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	ticket := d.Ticket(desktest.Customer)
	at := fmt.Sprintf("PATCH /api/tickets/%d", ticket.ID)
	for _, subject := range []string{"   ", "a\nb", "a\r\nBcc: x@example.com", "\u202e\u200b\ufeff", "\x07"} {
		d.Do(desktest.Agent, at, map[string]any{"subject": subject}).Want(http.StatusUnprocessableEntity)
		d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": subject, "body": "x"}).Want(http.StatusUnprocessableEntity)
	}
	d.Do(desktest.Agent, at, map[string]any{"subject": "  مرحبا 👩‍👩‍👧  "}).Want(200)
	if now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID); err != nil || now.Subject != "مرحبا 👩‍👩‍👧" {
		t.Errorf("%q, %v", now.Subject, err)
	}
}

// Who names no version means the ticket as it is, so nobody is turned away.
func TestChangesWithoutAVersionAllSucceed(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				res := d.Do(desktest.Agent, fmt.Sprintf("PATCH /api/tickets/%d", ticket.ID), map[string]any{"subject": fmt.Sprint("by ", i)})
				if res.Status != 200 {
					t.Errorf("%d %s", res.Status, res.Body)
				}
			})
		}
		wg.Wait()
		if now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID); err != nil || now.Version != ticket.Version+12 {
			t.Errorf("version %d of %d, %v", now.Version, ticket.Version+12, err)
		}
	})
}

func TestAPlaceBehindTheLogMeansToReadAnew(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	ticket := d.Ticket(desktest.Customer)
	var told struct {
		Last   int64 `json:"last"`
		Resync bool  `json:"resync"`
	}
	d.Do(desktest.Customer, "GET /api/events?after=999999999", nil).Want(200).JSON(&told)
	events := d.Events(ticket.ID)
	if !told.Resync || told.Last < events[len(events)-1].ID || told.Last > 999 {
		t.Errorf("%+v", told)
	}
}

// A client that always says what its body would be may have none.
func TestAnEmptyBodyIsNoBody(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	a, b := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
	d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/merge", a.ID), map[string]any{"sources": []int64{b.ID}}).Want(200)
	d.DoWith(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/unmerge", b.ID), "", http.Header{"Content-Type": {"application/json"}}).Want(200)
}

// locked is a plugin with a secret among its settings.
type locked struct{}

type lockedSettings struct {
	Word string `json:"word" doc:"a word"`
	Key  string `json:"key" secret:"true" doc:"a key"`
}

func (locked) Manifest() core.Manifest {
	return core.Manifest{ID: "locked", Name: "Locked", Version: "1.0.0", Doc: "Has a secret.", Settings: lockedSettings{}}
}

func (locked) Register(core.Host) error { return nil }

func TestASecretStaysUntilItIsReplacedOrForgotten(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, locked{})
	keeps := func(value map[string]any) bool {
		t.Helper()
		var saved struct {
			Secrets []string `json:"secrets"`
		}
		d.Do(desktest.Admin, "PUT /api/settings/locked", map[string]any{"value": value}).Want(200).JSON(&saved)
		return len(saved.Secrets) == 1
	}
	if !keeps(map[string]any{"word": "a", "key": "K"}) || !keeps(map[string]any{"word": "b"}) || !keeps(map[string]any{"word": "c", "key": ""}) {
		t.Error("a secret that was left out is gone")
	}
	if keeps(map[string]any{"word": "d", "key": nil}) {
		t.Error("a secret that is null is still there")
	}
}

var errBroken = errors.New("broken")

// What plugins do wrong while a request goes on is for the log, whatever the
// caller is told.
func TestAMalfunctionIsLogged(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite, core.Inline("odd", func(h core.Host) error {
		h.Hooks().Ticket.Show.Add(h, "panic", func(context.Context, *core.TicketsShown) error { panic("while shown") })
		h.Hooks().Reply.Add.Before.Add(h, "fail", func(context.Context, *core.ReplyDraft) error { return errBroken })
		return nil
	}))
	d.AllowErrors()
	ticket := d.Ticket(desktest.Customer)
	d.Do(desktest.Customer, fmt.Sprintf("GET /api/tickets/%d", ticket.ID), nil).Want(200)
	d.Do(desktest.Customer, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "x"}).Want(http.StatusServiceUnavailable)
	logged := strings.Join(d.Errors(), "\n")
	for _, want := range []string{"while shown", "odd.panic", errBroken.Error(), "odd.fail"} {
		if !strings.Contains(logged, want) {
			t.Errorf("the log does not say %q:\n%s", want, logged)
		}
	}
}

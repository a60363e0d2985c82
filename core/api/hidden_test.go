package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
	"github.com/hookdesk/hookdesk/desktest"
)

// The agent of one department gets for tickets of another one what everybody
// gets for tickets that do not exist, on every route, in paths and in bodies.
func TestAgentsAreNotToldOfTicketsOfOtherDepartments(t *testing.T) {
	t.Parallel()
	const missing = 4_000_000_000
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		admin, agent := d.As(desktest.Admin), d.PersonID(desktest.Agent)
		var departments []int64
		for i, agents := range [][]int64{{agent}, {}} {
			dep, err := d.Departments.Create(admin, core.DepartmentPatch{Name: new(fmt.Sprint("dep ", i)), Agents: &agents})
			if err != nil {
				t.Fatal(err)
			}
			departments = append(departments, dep.ID)
		}
		own := d.Ticket(desktest.Customer)
		theirs, err := d.Tickets.Create(d.As(desktest.Customer), core.TicketDraft{Subject: "canary", Body: "x", DepartmentID: &departments[1]})
		if err != nil {
			t.Fatal(err)
		}
		before := written(t, d)
		same := func(request string, body func(id int64) any) {
			t.Helper()
			ask := func(id int64) *desktest.Response {
				return d.Do(desktest.Agent, strings.ReplaceAll(request, "{id}", fmt.Sprint(id)), body(id))
			}
			hidden, absent := ask(theirs.ID), ask(missing)
			told := strings.ReplaceAll(string(absent.Body), fmt.Sprint(missing), fmt.Sprint(theirs.ID))
			if hidden.Status != absent.Status || string(hidden.Body) != told || strings.Contains(told, "canary") {
				t.Errorf("%s: hidden %d %s, missing %d %s", request, hidden.Status, hidden.Body, absent.Status, absent.Body)
			}
		}
		bodies := map[string]map[string]any{
			"/replies": {"body": "x"}, "/replies/{reply}": {"body": "x"}, "/split": {"reply_id": 1}, "/merge": {"sources": []int64{own.ID}},
			"/assign": {"assignee": agent}, "/department": {"department_id": departments[0]}, "/status": {"status": "closed"}, "/tags": {"tags": []string{}},
			"": {"subject": "mine now"}, "/unmerge": {},
		}
		for _, rt := range api.Routes(d.Desk) {
			rest, about := strings.CutPrefix(rt.Path, "/api/tickets/{id}")
			if !about || rt.Policy.Allow(core.Actor{Kind: core.Agent}) != nil {
				continue
			}
			same(rt.Method+" "+strings.ReplaceAll(rt.Path, "{reply}", "1"), func(int64) any {
				if rt.Method == http.MethodGet || bodies[rest] == nil {
					return nil
				}
				return bodies[rest]
			})
			if res := d.Do(desktest.Agent, rt.Method+" "+path(rt, theirs.ID, 1), bodies[rest]); res.Status != http.StatusNotFound {
				t.Errorf("%s of a hidden ticket: %d %s", rt.Pattern(), res.Status, res.Body)
			}
		}
		same(fmt.Sprintf("POST /api/tickets/%d/merge", own.ID), func(id int64) any { return map[string]any{"sources": []int64{id}} })
		same("POST /api/tickets/bulk", func(id int64) any {
			return map[string]any{"ids": []int64{id}, "patch": map[string]any{"priority": "high"}}
		})
		if after := written(t, d); after != before {
			t.Errorf("something was written: %s, before %s", after, before)
		}
	})
}

func TestAnIdentifyThatPanicsTellsNothingAndWritesNothing(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.NewWith(t, db, func(c *core.Config) {
			c.Identify = func(*http.Request) (core.Identity, error) { panic("the secret of the host") }
		})
		d.AllowErrors()
		before := written(t, d)
		for _, rt := range api.Routes(d.Desk) {
			if rt.Method == "" || rt.Policy.String() == "public" {
				continue
			}
			res := d.Do(desktest.Admin, rt.Method+" "+path(rt, 1, 1), map[string]any{"subject": "x", "body": "x"})
			if res.Status != http.StatusUnauthorized || res.Header.Get("Content-Type") != "application/problem+json" ||
				strings.Contains(string(res.Body), "secret") || strings.Contains(string(res.Body), ".go") {
				t.Errorf("%s: %d %s %s", rt.Pattern(), res.Status, res.Header.Get("Content-Type"), res.Body)
			}
		}
		if after := written(t, d); after != before {
			t.Errorf("something was written: %s, before %s", after, before)
		}
	})
}

// A file is claimed once, by who uploaded it; under another ticket it is not
// to be had.
func TestAFileOfAnotherTicketCannotBeTaken(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		upload := func(who desktest.Who) int64 {
			a, err := d.Attachments.Upload(d.As(who), "a.txt", strings.NewReader("of "+who.UserID))
			if err != nil {
				t.Fatal(err)
			}
			return a.ID
		}
		used, fresh, foreign := upload(desktest.Customer), upload(desktest.Customer), upload(desktest.Stranger)
		send := func(who desktest.Who, status int, files ...int64) {
			t.Helper()
			d.Do(who, "POST /api/tickets", map[string]any{"subject": "x", "body": "x", "attachments": files}).Want(status)
		}
		send(desktest.Customer, http.StatusCreated, used)
		d.PersonID(desktest.Agent)
		before := written(t, d)
		send(desktest.Customer, http.StatusUnprocessableEntity, used)
		send(desktest.Customer, http.StatusUnprocessableEntity, fresh, foreign)
		send(desktest.Customer, http.StatusUnprocessableEntity, fresh, fresh)
		send(desktest.Agent, http.StatusUnprocessableEntity, used)
		if after := written(t, d); after != before {
			t.Errorf("something was written: %s, before %s", after, before)
		}
		hidden := d.Do(desktest.Stranger, fmt.Sprintf("GET /api/attachments/%d", used), nil).Want(http.StatusNotFound)
		absent := d.Do(desktest.Stranger, "GET /api/attachments/4000000000", nil).Want(http.StatusNotFound)
		if string(hidden.Body) != strings.ReplaceAll(string(absent.Body), "4000000000", fmt.Sprint(used)) {
			t.Errorf("hidden %s, missing %s", hidden.Body, absent.Body)
		}
		send(desktest.Customer, http.StatusCreated, fresh)
	})
}

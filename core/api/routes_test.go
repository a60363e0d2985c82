package api_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/rest"
)

var update = flag.Bool("update", false, "write testdata anew")

// Each change of rights shows in review as a change of this file.
func TestEveryRouteHasThePolicyOfTheList(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		table, err := api.Table(desktest.New(t, db).Desk)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile("testdata/routes.txt", []byte(table.List()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/routes.txt")
		if err != nil {
			t.Fatal(err)
		}
		if got := table.List(); got != string(want) {
			t.Errorf("the routes differ from testdata/routes.txt:\n%s", got)
		}
	})
}

// least is the least of the actors who may call a route.
func least(p rest.Policy) desktest.Who {
	for _, who := range []desktest.Who{desktest.Customer, desktest.Agent} {
		if p.Allow(core.Actor{Kind: who.Role}) == nil {
			return who
		}
	}
	return desktest.Admin
}

// path fills the wildcards of a route.
func path(rt *rest.Route, ticket, reply int64) string {
	return strings.NewReplacer(
		"{id}", fmt.Sprint(ticket), "{reply}", fmt.Sprint(reply), "{plugin}", "core", "{rest...}", "nothing",
	).Replace(rt.Path)
}

func TestRolesThatARouteIsNotForAreTurnedAway(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		for _, rt := range api.Routes(d.Desk) {
			if rt.Policy.String() == "public" || rt.Method == "" {
				continue
			}
			request := rt.Method + " " + path(rt, ticket.ID, 1)
			d.Do(desktest.Anonymous, request, nil).Want(http.StatusUnauthorized)
			for _, who := range []desktest.Who{desktest.Customer, desktest.Agent} {
				if rt.Policy.Allow(core.Actor{Kind: who.Role}) != nil {
					d.Do(who, request, nil).Want(http.StatusForbidden)
				}
			}
		}
	})
}

func TestWhatIsNotVisibleAnswersAsWhatIsMissing(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		mine := d.Ticket(desktest.Customer)
		for _, rt := range api.Routes(d.Desk) {
			if !strings.HasPrefix(rt.Path, "/api/tickets/{id}") || least(rt.Policy).Role > core.Requester {
				continue
			}
			var body any
			switch rt.Method {
			case http.MethodPost:
				body = map[string]any{"body": "let me in"}
			case http.MethodPatch:
				body = map[string]any{"status": "closed"}
			}
			const missing = 4_000_000_000
			hidden := d.Do(desktest.Stranger, rt.Method+" "+path(rt, mine.ID, 1), body).Want(http.StatusNotFound)
			absent := d.Do(desktest.Stranger, rt.Method+" "+path(rt, missing, 1), body).Want(http.StatusNotFound)
			same := strings.ReplaceAll(string(absent.Body), fmt.Sprint(missing), fmt.Sprint(mine.ID))
			if string(hidden.Body) != same {
				t.Errorf("%s: hidden %s, missing %s", rt.Pattern(), hidden.Body, absent.Body)
			}
		}
	})
}

func TestAForeignChildIsNotFoundUnderAnotherParent(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		one, other := d.Ticket(desktest.Customer), d.Ticket(desktest.Stranger)
		var theirs struct{ ID int64 }
		d.Do(desktest.Stranger, fmt.Sprintf("POST /api/tickets/%d/replies", other.ID), map[string]any{"body": "mine"}).Want(201).JSON(&theirs)
		under := fmt.Sprintf("/api/tickets/%d/replies/%d", one.ID, theirs.ID)
		d.Do(desktest.Agent, "PATCH "+under, map[string]any{"body": "changed"}).Want(http.StatusNotFound)
		d.Do(desktest.Agent, "DELETE "+under, nil).Want(http.StatusNotFound)
		d.Do(desktest.Agent, "GET "+under+"/edits", nil).Want(http.StatusNotFound)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/split", one.ID), map[string]any{"reply_id": theirs.ID}).Want(http.StatusNotFound)
		d.Do(desktest.Agent, "POST /api/tickets", map[string]any{"subject": "x", "body": "x", "attachments": []int64{4711}}).Want(http.StatusUnprocessableEntity)
	})
}

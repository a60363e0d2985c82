package savedviews_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
)

func TestPlugin(t *testing.T) {
	t.Parallel()
	desktest.Exercise(t, fresh, desktest.With(func(t testing.TB, d *desktest.Desk, ticket core.Ticket) {
		t.Helper()
		v := save(t, d, desktest.Agent, map[string]any{"name": ticket.Subject, "filters": filters{"status": {"open"}}, "sort": "-created"})
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"name": "Open", "columns": []string{"subject"}, "version": 1}).Want(200)
		d.Do(desktest.Agent, "POST /api/views/reorder", map[string]any{"ids": []int64{v.ID}}).Want(200)
		d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets?view=%d", v.ID), nil).Want(200)
		d.Do(desktest.Agent, fmt.Sprintf("GET /api/views/counts?ids=%d", v.ID), nil).Want(200)
		save(t, d, desktest.Admin, map[string]any{"name": "For all", "sharing": "everybody"})
		gone := save(t, d, desktest.Agent, map[string]any{"name": "Not for long"})
		d.Do(desktest.Agent, at("DELETE", gone.ID)+"?version=1", nil).Want(204)
	}))
}

func fresh() core.Plugin { return savedviews.New(savedviews.Config{}) }

// filters are the filters of a view, as JSON carries them.
type filters map[string][]string

// desk is a desk with saved views, and what these tests ask of it.
type desk struct {
	*desktest.Desk
	t *testing.T
}

func open(t *testing.T, db desktest.Database, others ...core.Plugin) desk {
	t.Helper()
	return desk{desktest.New(t, db, append(others, fresh())...), t}
}

func at(method string, view int64) string { return fmt.Sprintf("%s /api/views/%d", method, view) }

func save(t testing.TB, d *desktest.Desk, who desktest.Who, body map[string]any) (v savedviews.View) {
	t.Helper()
	d.Do(who, "POST /api/views", body).Want(201).JSON(&v)
	return v
}

func (d desk) save(who desktest.Who, body map[string]any) savedviews.View {
	d.t.Helper()
	return save(d.t, d.Desk, who, body)
}

// view is what GET answers.
func (d desk) view(who desktest.Who, id int64) (v savedviews.View) {
	d.t.Helper()
	d.Do(who, at("GET", id), nil).Want(200).JSON(&v)
	return v
}

// names are the names of who's views, in their order.
func (d desk) names(who desktest.Who) string {
	d.t.Helper()
	var list struct{ Views []savedviews.View }
	d.Do(who, "GET /api/views", nil).Want(200).JSON(&list)
	var names []string
	for _, v := range list.Views {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}

// list are the ids of a list of tickets, in its order, through all pages.
func (d desk) list(who desktest.Who, query string) []int64 {
	d.t.Helper()
	ids, cursor := []int64{}, ""
	for {
		var page struct {
			Tickets    []struct{ ID int64 }
			NextCursor *string `json:"next_cursor"`
		}
		d.Do(who, "GET /api/tickets"+query+cursor, nil).Want(200).JSON(&page)
		for _, one := range page.Tickets {
			ids = append(ids, one.ID)
		}
		if page.NextCursor == nil {
			return ids
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func (d desk) wantList(who desktest.Who, query string, want ...core.Ticket) {
	d.t.Helper()
	ids := []int64{}
	for _, one := range want {
		ids = append(ids, one.ID)
	}
	if got := d.list(who, query); !slices.Equal(got, ids) {
		d.t.Errorf("%s sees in GET /api/tickets%s the tickets %v, want %v", who.UserID, query, got, ids)
	}
}

// department makes one with these agents.
func (d desk) department(name string, agents ...desktest.Who) int64 {
	d.t.Helper()
	ids := []int64{}
	for _, who := range agents {
		ids = append(ids, d.PersonID(who))
	}
	dep, err := d.Departments.Create(d.As(desktest.Admin), core.DepartmentPatch{Name: &name, Agents: &ids})
	must(d.t, err)
	return dep.ID
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package savedviews_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
)

const firstViews = "My tickets, Unassigned, Recently updated, All open"

func TestAViewIsKeptAsItWasSaved(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		v := d.save(desktest.Agent, map[string]any{
			"name": "  Burning  ", "icon": "flame", "sort": "-priority", "columns": []string{"subject", "snooze.until"},
			"filters": filters{"open": {"true"}, "priority": {"urgent", "critical"}, "tag": {}},
		})
		got := d.view(desktest.Agent, v.ID)
		if got.Name != "Burning" || got.Icon != "flame" || got.Sort != "-priority" || strings.Join(got.Columns, " ") != "subject snooze.until" ||
			len(got.Filters) != 2 || strings.Join(got.Filters["priority"], " ") != "urgent critical" || got.Sharing != savedviews.Private ||
			got.Version != 1 || !got.Editable || *got.OwnerID != d.PersonID(desktest.Agent) {
			t.Errorf("%+v", got)
		}
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"name": "Cold", "filters": filters{}, "sort": "", "columns": []string{}, "version": 1}).Want(200)
		got = d.view(desktest.Agent, v.ID)
		if got.Name != "Cold" || got.Icon != "flame" || got.Sort != "" || len(got.Columns) != 0 || len(got.Filters) != 0 || got.Version != 2 {
			t.Errorf("changed: %+v", got)
		}
		d.Do(desktest.Agent, at("DELETE", v.ID)+"?version=2", nil).Want(204)
		d.Do(desktest.Agent, at("GET", v.ID), nil).Want(404)
	})
}

func TestWhatAViewCannotBe(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("z", 81)
	rows := map[string]struct {
		body  map[string]any
		field string
	}{
		"without a name":              {map[string]any{}, "name"},
		"of blanks":                   {map[string]any{"name": "  \t "}, "name"},
		"of too long a name":          {map[string]any{"name": long}, "name"},
		"of two lines":                {map[string]any{"name": "a\nb"}, "name"},
		"with too long an icon":       {map[string]any{"name": "a", "icon": long}, "icon"},
		"shared in an unknown way":    {map[string]any{"name": "a", "sharing": "world"}, "sharing"},
		"shared with no department":   {map[string]any{"name": "a", "sharing": "departments"}, "departments"},
		"of a department not there":   {map[string]any{"name": "a", "sharing": "departments", "departments": []int64{4711}}, "departments"},
		"private in a department":     {map[string]any{"name": "a", "departments": []int64{1}}, "departments"},
		"with an unknown filter":      {map[string]any{"name": "a", "filters": filters{"colour": {"red"}}}, "filters.colour"},
		"with an unknown status":      {map[string]any{"name": "a", "filters": filters{"status": {"open", "lost"}}}, "filters.status[1]"},
		"with two values of one":      {map[string]any{"name": "a", "filters": filters{"open": {"true", "false"}}}, "filters.open"},
		"with a value of a kind":      {map[string]any{"name": "a", "filters": filters{"department": {"sales"}}}, "filters.department[0]"},
		"of somebody not there":       {map[string]any{"name": "a", "filters": filters{"assignee": {"4711"}}}, "filters.assignee"},
		"of nobody's":                 {map[string]any{"name": "a", "filters": filters{"requester": {"none"}}}, "filters.requester"},
		"with a tag not there":        {map[string]any{"name": "a", "filters": filters{"tag": {"lost"}}}, "filters.tags"},
		"with a department not there": {map[string]any{"name": "a", "filters": filters{"department": {"4711"}}}, "filters.department"},
		"with too many values":        {map[string]any{"name": "a", "filters": filters{"department": strings.Split("1,2,3,4,5,6,7,8,9,10,11", ",")}}, "filters.department"},
		"with too long a value":       {map[string]any{"name": "a", "filters": filters{"type": {strings.Repeat("z", 501)}}}, "filters.type"},
		"with a sort as a filter":     {map[string]any{"name": "a", "filters": filters{"sort": {"created"}}}, "filters.sort"},
		"with a limit":                {map[string]any{"name": "a", "filters": filters{"limit": {"5"}}}, "filters.limit"},
		"of a view":                   {map[string]any{"name": "a", "filters": filters{"view": {"1"}}}, "filters.view"},
		"with an unknown sort":        {map[string]any{"name": "a", "sort": "colour"}, "sort"},
		"with a sort not served":      {map[string]any{"name": "a", "sort": "priority"}, "sort"},
		"with a filter not served":    {map[string]any{"name": "a", "sort": "created", "filters": filters{"status": {"closed"}}}, "sort"},
		"with too many words":         {map[string]any{"name": "a", "filters": filters{"q": {"a b c d e f g h i j k l m"}}}, "filters.q"},
		"with an odd column":          {map[string]any{"name": "a", "columns": []string{"DROP TABLE"}}, "columns"},
		"with a column twice":         {map[string]any{"name": "a", "columns": []string{"id", "id"}}, "columns"},
		"with filters that are none":  {map[string]any{"name": "a", "filters": "open"}, "filters"},
	}
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		for name, row := range rows {
			answer := d.Do(desktest.Agent, "POST /api/views", row.body)
			if answer.Status != 422 || !strings.Contains(string(answer.Body), `"field":"`+row.field+`"`) {
				t.Errorf("%s: want 422 with the field %s: %s", name, row.field, answer)
			}
		}
		if got := d.names(desktest.Agent); got != firstViews {
			t.Errorf("there are %s", got)
		}
	})
}

// TestAViewIsRefusedInTheWordsOfTheList compares the two.
func TestAViewIsRefusedInTheWordsOfTheList(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		for query, body := range map[string]map[string]any{
			"sort=priority":              {"name": "a", "sort": "priority"},
			"sort=created&status=closed": {"name": "a", "sort": "created", "filters": filters{"status": {"closed"}}},
			"colour=red":                 {"name": "a", "filters": filters{"colour": {"red"}}},
			"assignee=you":               {"name": "a", "filters": filters{"assignee": {"you"}}},
		} {
			var of [2]struct{ Errors []core.FieldError }
			d.Do(desktest.Agent, "GET /api/tickets?"+query, nil).Want(422).JSON(&of[0])
			d.Do(desktest.Agent, "POST /api/views", body).Want(422).JSON(&of[1])
			if len(of[0].Errors) != 1 || len(of[1].Errors) != 1 || of[0].Errors[0].Message != of[1].Errors[0].Message {
				t.Errorf("%s: the list says %v, the view %v", query, of[0].Errors, of[1].Errors)
			}
		}
	})
}

func TestNamesMayBeTheSame(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		one, other := d.save(desktest.Agent, map[string]any{"name": "Mine"}), d.save(desktest.Agent, map[string]any{"name": "Mine"})
		if one.ID == other.ID {
			t.Error("they are one view")
		}
	})
}

func TestWhoSeesAndChangesAView(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		sales := d.department("Sales", desktest.Agent)
		support := d.department("Support", desktest.Colleague)
		views := map[string]savedviews.View{
			"private": d.save(desktest.Agent, map[string]any{"name": "p"}),
			"sales":   d.save(desktest.Agent, map[string]any{"name": "s", "sharing": "departments", "departments": []int64{sales, sales}}),
			"both":    d.save(desktest.Admin, map[string]any{"name": "b", "sharing": "departments", "departments": []int64{sales, support}}),
			"all":     d.save(desktest.Admin, map[string]any{"name": "a", "sharing": "everybody"}),
		}
		for _, row := range []struct {
			who          desktest.Who
			view         string
			get, replace int
		}{
			{desktest.Agent, "private", 200, 200}, {desktest.Colleague, "private", 404, 404}, {desktest.Admin, "private", 404, 404},
			{desktest.Agent, "sales", 200, 200}, {desktest.Colleague, "sales", 404, 404}, {desktest.Admin, "sales", 200, 200},
			{desktest.Agent, "both", 200, 403}, {desktest.Colleague, "both", 200, 403}, {desktest.Admin, "both", 200, 200},
			{desktest.Agent, "all", 200, 403}, {desktest.Colleague, "all", 200, 403}, {desktest.Admin, "all", 200, 200},
			{desktest.Customer, "all", 403, 403}, {desktest.Anonymous, "all", 401, 401},
		} {
			v := views[row.view]
			answer := d.Do(row.who, at("GET", v.ID), nil).Want(row.get)
			if row.get == 200 {
				answer.JSON(&v)
				if v.Editable != (row.replace == 200) {
					t.Errorf("%s is told that %s is editable: %v", row.who.UserID, row.view, v.Editable)
				}
			}
			d.Do(row.who, at("PATCH", v.ID), map[string]any{"icon": "star", "version": v.Version}).Want(row.replace)
		}
		for name, want := range map[string]int{"private": 404, "sales": 404, "both": 403, "all": 403} {
			d.Do(desktest.Colleague, at("DELETE", views[name].ID)+"?version=1", nil).Want(want)
		}
	})
}

func TestWhoSharesWithWhom(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		sales, support := d.department("Sales", desktest.Agent), d.department("Support")
		withAll := map[string]any{"name": "all", "sharing": "everybody"}
		d.Do(desktest.Agent, "POST /api/views", withAll).Want(403)
		d.Do(desktest.Agent, "POST /api/views", map[string]any{"name": "x", "sharing": "departments", "departments": []int64{sales, support}}).Want(403)
		d.Do(desktest.Colleague, "POST /api/views", map[string]any{"name": "of no department", "sharing": "departments", "departments": []int64{support}}).Want(201)
		d.Do(desktest.Admin, "PUT /api/settings/savedviews", map[string]any{"value": map[string]any{"agents_share": true}}).Want(200)
		v := d.save(desktest.Agent, withAll)
		d.Do(desktest.Admin, "PUT /api/settings/savedviews", map[string]any{"value": map[string]any{"agents_share": false}}).Want(200)
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"name": "still", "version": 1}).Want(200)
		d.Do(desktest.Admin, at("PATCH", v.ID), map[string]any{"sharing": "private", "version": 2}).Want(422) // it would be out of sight
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"sharing": "private", "version": 2}).Want(200)
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"sharing": "everybody", "version": 3}).Want(403)
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"sharing": "departments", "departments": []int64{sales}, "version": 3}).Want(200)
		d.Do(desktest.Agent, at("PATCH", v.ID), map[string]any{"sharing": "private", "version": 4}).Want(200)
		if got := d.view(desktest.Agent, v.ID); len(got.Departments) != 0 {
			t.Errorf("a private view has the departments %v", got.Departments)
		}
	})
}

func TestNobodyOverwritesWhatNobodyHasSeen(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		v := d.save(desktest.Admin, map[string]any{"name": "a", "sharing": "everybody"})
		d.Do(desktest.Admin, at("PATCH", v.ID), map[string]any{"name": "b"}).Want(422)
		d.Do(desktest.Admin, at("DELETE", v.ID), nil).Want(422)
		etag := d.Do(desktest.Admin, at("GET", v.ID), nil).Header.Get("ETag")
		d.DoWith(desktest.Admin, at("PATCH", v.ID), map[string]any{"name": "b"}, http.Header{"If-Match": {etag}}).Want(200)
		answer := d.DoWith(desktest.Admin, at("PATCH", v.ID), map[string]any{"name": "c"}, http.Header{"If-Match": {etag}}).Want(409)
		if !strings.Contains(string(answer.Body), `"name":"b"`) {
			t.Errorf("the conflict does not say what the view is now: %s", answer)
		}
		d.Do(desktest.Admin, at("DELETE", v.ID)+"?version=1", nil).Want(409)
		d.DoWith(desktest.Admin, at("DELETE", v.ID)+"?version=1", nil, http.Header{"If-Match": {`"2"`}}).Want(422)

		for version := range 10 {
			var saved atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if d.Do(desktest.Admin, at("PATCH", v.ID), map[string]any{"icon": fmt.Sprint(version), "version": version + 2}).Status == 200 {
						saved.Add(1)
					}
				})
			}
			all.Wait()
			if n := saved.Load(); n != 1 {
				t.Errorf("%d of 8 who had seen the version %d saved", n, version+2)
			}
		}
	})
}

func TestViewsAreBounded(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		fill := func(n int, sharing savedviews.Sharing) {
			me := d.PersonID(desktest.Agent)
			rows := make([]map[string]any, n)
			for i := range rows {
				rows[i] = map[string]any{"owner_id": me, "sharing": sharing, "name": "x", "icon": "", "filters": "{}", "sort": "", "columns": "[]", "version": 1, "created_at": 0, "updated_at": 0}
			}
			must(t, d.DB.Table("hookdesk_savedviews_views").Create(rows).Error)
		}
		fill(199, savedviews.Private)
		mine := d.save(desktest.Agent, map[string]any{"name": "the 200th"})
		d.Do(desktest.Agent, "POST /api/views", map[string]any{"name": "the 201st"}).Want(409)
		d.save(desktest.Colleague, map[string]any{"name": "another's"})
		fill(196, savedviews.Everybody) // with the four of the first run
		d.Do(desktest.Admin, "POST /api/views", map[string]any{"name": "for all", "sharing": "everybody"}).Want(409)
		own := d.department("Sales", desktest.Agent)
		d.Do(desktest.Agent, at("PATCH", mine.ID), map[string]any{"sharing": "departments", "departments": []int64{own}, "version": 1}).Want(409)
	})
}

func TestEverybodyHasAnOrderOfViews(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		a, b := d.save(desktest.Agent, map[string]any{"name": "a"}), d.save(desktest.Agent, map[string]any{"name": "b"})
		private := d.save(desktest.Colleague, map[string]any{"name": "secret"})
		order := func(who desktest.Who, want int, ids ...int64) {
			t.Helper()
			d.Do(who, "POST /api/views/reorder", map[string]any{"ids": ids}).Want(want)
		}
		order(desktest.Agent, 200, b.ID, 3, a.ID)
		const reordered = "b, Recently updated, a, My tickets, Unassigned, All open"
		if got := d.names(desktest.Agent); got != reordered {
			t.Errorf("the agent has %s", got)
		}
		if got := d.names(desktest.Colleague); got != firstViews+", secret" {
			t.Errorf("the colleague has %s", got)
		}
		order(desktest.Agent, 422, a.ID, a.ID)
		order(desktest.Agent, 404, a.ID, private.ID)
		order(desktest.Agent, 404, 4711)
		if got := d.names(desktest.Agent); got != reordered {
			t.Errorf("after what was refused, the agent has %s", got)
		}
		d.Do(desktest.Agent, at("DELETE", b.ID)+"?version=1", nil).Want(204)
		order(desktest.Agent, 200, 1)
		if got := d.names(desktest.Agent); got != firstViews+", a" {
			t.Errorf("at last the agent has %s", got)
		}
		d.Do(desktest.Agent, "POST /api/views/reorder", map[string]any{"ids": []int64{}}).Want(200)
		d.Do(desktest.Customer, "POST /api/views/reorder", map[string]any{"ids": []int64{1}}).Want(403)
	})
}

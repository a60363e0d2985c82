package savedviews_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
)

// ticket makes one of the customer's as draft says.
func (d desk) ticket(draft core.TicketDraft) core.Ticket {
	d.t.Helper()
	draft.Subject, draft.Body = "It does not work", "At all."
	draft.RequesterID = d.PersonID(desktest.Customer)
	t, err := d.Tickets.Create(d.As(desktest.Admin), draft)
	must(d.t, err)
	d.Clock.FakeClock.Advance(time.Second)
	return t
}

func (d desk) tag(name string) core.Tag {
	d.t.Helper()
	tag, err := d.Tags.Create(d.As(desktest.Admin), core.TagPatch{Name: &name})
	must(d.t, err)
	return tag
}

func view(id int64, more string) string { return fmt.Sprintf("?view=%d%s", id, more) }

func TestAListIsThatOfTheView(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		var low, high []core.Ticket
		for range 3 {
			low, high = append(low, d.ticket(core.TicketDraft{Priority: core.Low})), append(high, d.ticket(core.TicketDraft{Priority: core.High}))
		}
		_, err := d.Tickets.Update(d.As(desktest.Agent), high[1].ID, core.TicketPatch{Status: new(core.StatusClosed)})
		must(t, err)
		v := d.save(desktest.Agent, map[string]any{"name": "a", "filters": filters{"priority": {"high"}, "open": {"true"}}, "sort": "created"})

		d.wantList(desktest.Agent, view(v.ID, ""), high[0], high[2])
		d.wantList(desktest.Agent, view(v.ID, "&limit=1"), high[0], high[2]) // by cursors
		d.wantList(desktest.Agent, view(v.ID, "&sort=-created"), high[2], high[0])
		d.wantList(desktest.Agent, view(v.ID, "&limit=1&sort=-created"), high[2], high[0])
		d.wantList(desktest.Agent, view(v.ID, "&priority=low"), low...)
		d.wantList(desktest.Agent, view(v.ID, "&priority=low&priority=high"), low[0], high[0], low[1], low[2], high[2])
		d.wantList(desktest.Agent, view(v.ID, "&assignee=me"))
		d.wantList(desktest.Agent, view(v.ID, "&open=false&sort=-updated"), high[1])
		var page struct{ Total int }
		d.Do(desktest.Agent, "GET /api/tickets"+view(v.ID, "&count=true&limit=1"), nil).Want(200).JSON(&page)
		if page.Total != 2 {
			t.Errorf("%d are counted", page.Total)
		}
		d.Do(desktest.Agent, "GET /api/tickets"+view(v.ID, "&open=false"), nil).Want(422) // no index serves it
	})
}

func TestWhichViewsAListTakes(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.ticket(core.TicketDraft{})
		v := d.save(desktest.Agent, map[string]any{"name": "a"})
		for query, want := range map[string]int{
			view(v.ID, ""): 200, "?view=4711": 404, "?view=-1": 404, "?view=0": 404, "?view=mine": 422, "?view=": 422, "?view=1&view=2": 422,
			view(v.ID, "&colour=red"): 422, "?view=99999999999999999999": 422,
		} {
			d.Do(desktest.Agent, "GET /api/tickets"+query, nil).Want(want)
		}
		for _, who := range []desktest.Who{desktest.Colleague, desktest.Admin, desktest.Customer} {
			d.Do(who, "GET /api/tickets"+view(v.ID, ""), nil).Want(404)
			d.Do(who, "GET /api/tickets?view=4711", nil).Want(404)
		}
		d.Do(desktest.Anonymous, "GET /api/tickets"+view(v.ID, ""), nil).Want(401)
		d.Do(desktest.Customer, "GET /api/tickets?view=4", nil).Want(404) // that of all agents

		d.wantList(desktest.Agent, view(v.ID, ""), ticket)
		d.Do(desktest.Admin, "POST /api/plugins/savedviews/disable", nil).Want(200)
		d.Do(desktest.Agent, "GET /api/tickets"+view(v.ID, ""), nil).Want(422)
		d.Do(desktest.Admin, "POST /api/plugins/savedviews/enable", nil).Want(200)
		d.wantList(desktest.Agent, view(v.ID, ""), ticket)
		if got := d.names(desktest.Agent); got != firstViews+", a" {
			t.Errorf("after a rest there are %s", got)
		}
	})
}

func TestMeIsWhoeverReads(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		agent, colleague := d.PersonID(desktest.Agent), d.PersonID(desktest.Colleague)
		anna, colin, nobodys := d.ticket(core.TicketDraft{AssigneeID: &agent}), d.ticket(core.TicketDraft{AssigneeID: &colleague}), d.ticket(core.TicketDraft{})
		const mine, unassigned, recent, allOpen = 1, 2, 3, 4
		d.wantList(desktest.Agent, view(mine, ""), anna)
		d.wantList(desktest.Colleague, view(mine, ""), colin)
		d.wantList(desktest.Colleague, view(unassigned, ""), nobodys)
		d.wantList(desktest.Agent, view(recent, ""), nobodys, colin, anna)
		d.wantList(desktest.Agent, view(allOpen, ""), nobodys, colin, anna)
		d.wantCounts(desktest.Agent, "1,2,4", "1: 1, 2: 1, 4: 3")
	})
}

// TestAViewShowsWhatItsReaderMaySee lets a view for everybody be read by agents
// of two departments.
func TestAViewShowsWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		sales, support := d.department("Sales", desktest.Agent), d.department("Support", desktest.Colleague)
		ours, theirs := d.ticket(core.TicketDraft{DepartmentID: &sales}), d.ticket(core.TicketDraft{DepartmentID: &support})
		v := d.save(desktest.Admin, map[string]any{"name": "a", "sharing": "everybody", "filters": filters{"department": {fmt.Sprint(sales), fmt.Sprint(support)}}})
		ids := fmt.Sprint(v.ID)
		d.wantList(desktest.Agent, view(v.ID, ""), ours)
		d.wantList(desktest.Colleague, view(v.ID, ""), theirs)
		d.wantList(desktest.Admin, view(v.ID, ""), theirs, ours)
		d.wantCounts(desktest.Agent, ids, ids+": 1")
		d.wantCounts(desktest.Admin, ids, ids+": 2")
	})
}

func (d desk) wantBroken(id int64, want ...string) {
	d.t.Helper()
	lines := []string{}
	for _, b := range d.view(desktest.Admin, id).Broken {
		lines = append(lines, b.Field+" "+b.Value+": "+b.Why)
	}
	if !slices.Equal(lines, want) {
		d.t.Errorf("broken: %q, want %q", lines, want)
	}
}

func TestAViewOutlivesWhatItNames(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		admin := d.As(desktest.Admin)
		kept, lost, sales := d.tag("kept"), d.tag("lost"), d.department("Sales")
		ticket := d.ticket(core.TicketDraft{Tags: []string{"kept"}})
		d.ticket(core.TicketDraft{Tags: []string{"lost"}})
		add := func(f filters) savedviews.View {
			return d.save(desktest.Admin, map[string]any{"name": "a", "sharing": "everybody", "filters": f})
		}
		both, one, dep := add(filters{"tag": {"kept", "lost"}}), add(filters{"tag": {"lost"}}), add(filters{"department": {fmt.Sprint(sales)}})
		d.wantBroken(both.ID)
		must(t, d.Tags.Delete(admin, lost.ID))
		must(t, d.Departments.Delete(admin, sales))

		d.wantBroken(both.ID, `tag lost: there is no tag "lost"`)
		d.wantBroken(one.ID, `tag lost: there is no tag "lost"`)
		d.wantBroken(dep.ID, fmt.Sprintf("department %d: there is no department %d", sales, sales))
		d.wantList(desktest.Agent, view(both.ID, ""), ticket)
		d.wantList(desktest.Agent, view(one.ID, ""))
		d.wantList(desktest.Agent, view(one.ID, "&tag=kept"), ticket)
		d.wantList(desktest.Agent, view(dep.ID, ""))
		d.wantCounts(desktest.Agent, fmt.Sprintf("%d,%d,%d", both.ID, one.ID, dep.ID), fmt.Sprintf("%d: 1, %d: 0, %d: 0", both.ID, one.ID, dep.ID))

		d.Do(desktest.Admin, at("PATCH", one.ID), map[string]any{"name": "renamed all the same", "version": 1}).Want(200)
		d.Do(desktest.Admin, at("PATCH", one.ID), map[string]any{"filters": filters{"tag": {"lost"}, "open": {"true"}}, "version": 2}).Want(422)
		must(t, d.Tags.Delete(admin, kept.ID))
		d.wantList(desktest.Agent, view(both.ID, ""))
	})
}

func TestADeletedDepartmentIsSharedWithNoMore(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		sales := d.department("Sales", desktest.Colleague)
		v := d.save(desktest.Admin, map[string]any{"name": "a", "sharing": "departments", "departments": []int64{sales}})
		d.view(desktest.Colleague, v.ID)
		must(t, d.Departments.Delete(d.As(desktest.Admin), sales))
		if got := d.view(desktest.Admin, v.ID); len(got.Departments) != 0 {
			t.Errorf("it is shared with %v", got.Departments)
		}
	})
}

// shade is a plugin with a parameter of its own.
func shade() core.Plugin {
	return core.Inline("shade", func(h core.Host) error {
		h.Query("GET /api/tickets", "odd", true, "")
		h.Hooks().Ticket.List.Add(h, "odd", func(_ context.Context, q *core.TicketQuery) error {
			if q.Extra.Get("odd") == "true" {
				q.Where("t.id % 2 = 1")
			}
			return nil
		})
		return nil
	})
}

func TestFiltersOfOtherPluginsWorkInViews(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db, shade())
		first, second, third := d.ticket(core.TicketDraft{}), d.ticket(core.TicketDraft{}), d.ticket(core.TicketDraft{})
		v := d.save(desktest.Admin, map[string]any{"name": "odd", "sharing": "everybody", "filters": filters{"odd": {"true"}, "open": {"true"}}})
		ids := fmt.Sprint(v.ID)
		d.Do(desktest.Agent, "POST /api/views", map[string]any{"name": "x", "filters": filters{"odd": {"maybe"}}}).Want(422)
		d.wantList(desktest.Agent, view(v.ID, ""), third, first)
		d.wantList(desktest.Agent, view(v.ID, "&odd=false"), third, second, first)
		d.wantCounts(desktest.Agent, ids, ids+": 2")
		d.wantBroken(v.ID)

		d.Do(desktest.Admin, "POST /api/plugins/shade/disable", nil).Want(200)
		d.wantBroken(v.ID, "odd true: is not a parameter here")
		d.wantList(desktest.Agent, view(v.ID, ""))
		d.wantCounts(desktest.Agent, ids, ids+": 0the filter odd: is not a parameter here")
		d.Do(desktest.Agent, "POST /api/views", map[string]any{"name": "x", "filters": filters{"odd": {"true"}}}).Want(422)
		d.Do(desktest.Admin, "POST /api/plugins/shade/enable", nil).Want(200)
		d.wantBroken(v.ID)
		d.wantList(desktest.Agent, view(v.ID, ""), third, first)

		d.Reopen(fresh()) // without the other plugin
		d.wantBroken(v.ID, "odd true: is not a parameter here")
		d.wantList(desktest.Agent, view(v.ID, ""))
	})
}

func (d desk) wantCounts(who desktest.Who, ids, want string) {
	d.t.Helper()
	var list struct{ Counts []savedviews.Count }
	d.Do(who, "GET /api/views/counts?ids="+ids, nil).Want(200).JSON(&list)
	var lines []string
	for _, c := range list.Counts {
		line := fmt.Sprintf("%d: %d", c.ID, c.Count)
		if c.Capped {
			line += "+"
		}
		lines = append(lines, line+c.Error)
	}
	if got := strings.Join(lines, ", "); got != want {
		d.t.Errorf("%s counts %s: %s, want %s", who.UserID, ids, got, want)
	}
}

func TestCountsAreExactTo99(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.tag("a")
		d.tag("b")
		for range 99 {
			d.ticket(core.TicketDraft{Tags: []string{"a"}})
		}
		tags := d.save(desktest.Agent, map[string]any{"name": "one lane for each tag", "filters": filters{"tag": {"a", "b"}}})
		words := d.save(desktest.Agent, map[string]any{"name": "words", "filters": filters{"q": {"does work"}}})
		none := d.save(desktest.Agent, map[string]any{"name": "none", "filters": filters{"priority": {"critical"}}})
		ids := fmt.Sprintf("4,%d,%d,%d", tags.ID, words.ID, none.ID)
		d.Settle() // search reads the log
		d.wantCounts(desktest.Agent, ids, fmt.Sprintf("4: 99, %d: 99, %d: 99, %d: 0", tags.ID, words.ID, none.ID))
		d.ticket(core.TicketDraft{Tags: []string{"a", "b"}})
		d.Settle()
		d.wantCounts(desktest.Agent, ids, fmt.Sprintf("4: 99+, %d: 99+, %d: 99+, %d: 0", tags.ID, words.ID, none.ID))
	})
}

func TestWhichViewsAreCounted(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		private := d.save(desktest.Agent, map[string]any{"name": "a"})
		d.wantCounts(desktest.Agent, "4,4,1&ids=2", "4: 0, 1: 0, 2: 0")
		many := make([]string, 51)
		for i := range many {
			many[i] = fmt.Sprint(i + 1)
		}
		for query, want := range map[string]int{
			"?ids=": 422, "?ids=a": 422, "?ids=1,,2": 422, "?ids=-1": 422, "": 422, "?ids=" + strings.Join(many, ","): 422,
			"?ids=" + strings.Join(many, "&ids="): 422,
		} {
			d.Do(desktest.Agent, "GET /api/views/counts"+query, nil).Want(want)
		}
		d.wantCounts(desktest.Agent, "1,4711,2", "1: 0, 4711: 0no view 4711, 2: 0")
		d.wantCounts(desktest.Colleague, fmt.Sprintf("1,%d", private.ID), fmt.Sprintf("1: 0, %d: 0no view %d", private.ID, private.ID))
		d.Do(desktest.Customer, "GET /api/views/counts?ids=1", nil).Want(403)
	})
}

func TestTheHostsWordOnEachTicketHoldsForCounts(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desk{desktest.NewWith(t, db, func(c *core.Config) {
			c.See = func(_ context.Context, _ core.Actor, ticket core.Ticket, may bool) bool {
				return may && ticket.Priority != core.Critical
			}
		}, fresh()), t}
		d.ticket(core.TicketDraft{Priority: core.Critical})
		d.ticket(core.TicketDraft{Priority: core.Low})
		d.wantCounts(desktest.Agent, "4", "4: 1")
	})
}

func TestAHookSeesWhatAViewAsksFor(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		views := savedviews.New(savedviews.Config{})
		var asked []string
		d := desk{desktest.New(t, db, views, core.Inline("guest", func(h core.Host) error {
			views.Hooks.Query.Add(h, "narrow", func(ctx context.Context, a *savedviews.Asking) error {
				asked = append(asked, core.ActorFrom(ctx).Person.Name+" asks for "+a.View.Name)
				a.Params.Set("priority", "low")
				return nil
			})
			views.Hooks.Save.Before.Add(h, "refuse", func(_ context.Context, s *savedviews.Saving) error {
				switch s.New.Name {
				case "taboo":
					return hooks.Veto("taboo", "not that word")
				case "odd":
					s.New.Filters = map[string][]string{"colour": {"red"}}
				default:
					s.New.Icon = "star"
				}
				return nil
			})
			views.Hooks.Delete.Before.Add(h, "refuse", func(_ context.Context, v *savedviews.View) error {
				return hooks.Veto("kept", "views are for ever")
			})
			return nil
		})), t}
		low := d.ticket(core.TicketDraft{Priority: core.Low})
		d.ticket(core.TicketDraft{Priority: core.High})
		d.wantList(desktest.Agent, view(4, ""), low)
		d.wantCounts(desktest.Admin, "4", "4: 1")
		if got := strings.Join(asked, "; "); got != "Anna Agent asks for All open; Ada Admin asks for All open" {
			t.Error(got)
		}
		d.Do(desktest.Agent, "POST /api/views", map[string]any{"name": "taboo"}).Want(422)
		d.Do(desktest.Agent, "POST /api/views", map[string]any{"name": "odd"}).Want(422)
		if v := d.save(desktest.Agent, map[string]any{"name": "a"}); v.Icon != "star" {
			t.Errorf("%+v", v)
		}
		d.Do(desktest.Admin, at("DELETE", 4)+"?version=1", nil).Want(422)
	})
}

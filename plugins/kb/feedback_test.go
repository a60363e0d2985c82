package kb_test

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
	"github.com/hookdesk/hookdesk/plugins/kb"
)

type totals struct {
	Helpful    int
	NotHelpful int `json:"not_helpful"`
	Feedback   []struct{ Reason string }
}

func (d desk) totals(a kb.Article) (got totals) {
	d.t.Helper()
	d.Do(desktest.Agent, one("GET", a.ID)+"/feedback", nil).Want(200).JSON(&got)
	return got
}

func TestAVisitorHasOneVoteAndMayChangeIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Help", "", nil)
		vote := func(who desktest.Who, want int, in fields) {
			t.Helper()
			d.Do(who, one("POST", a.ID)+"/feedback", in).Want(want)
		}
		vote(desktest.Customer, 204, fields{"helpful": true})
		vote(desktest.Customer, 204, fields{"helpful": false, "reason": "too short"})
		vote(desktest.Stranger, 204, fields{"helpful": true})
		vote(desktest.Anonymous, 204, fields{"helpful": true, "visitor": "a-token-of-mine"})
		vote(desktest.Anonymous, 204, fields{"helpful": true, "visitor": "a-token-of-mine"})
		vote(desktest.Anonymous, 422, fields{"helpful": true})
		vote(desktest.Anonymous, 422, fields{"helpful": true, "visitor": "short"})
		vote(desktest.Customer, 422, fields{"helpful": true, "reason": strings.Repeat("z", 1001)})
		vote(desktest.Customer, 422, fields{})
		if got := d.totals(a); got.Helpful != 2 || got.NotHelpful != 1 || len(got.Feedback) != 3 || got.Feedback[2].Reason != "too short" {
			t.Errorf("%+v", got)
		}
		d.Do(desktest.Customer, one("GET", a.ID)+"/feedback", nil).Want(403)
		hidden := d.draft("Secret", "", nil)
		d.Do(desktest.Customer, one("POST", hidden.ID)+"/feedback", fields{"helpful": true}).Want(404)
		d.Do(desktest.Customer, one("POST", 99)+"/feedback", fields{"helpful": true}).Want(404)
	})
}

func TestViewsAreCountedWithoutAWritePerRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Help", "", nil)
		views := func() int64 {
			t.Helper()
			d.Do(desktest.Agent, one("GET", a.ID), nil).Want(200).JSON(&a)
			return a.Views
		}
		for range 3 {
			d.Do(desktest.Customer, "GET /api/kb/pages/help", nil).Want(200)
		}
		d.Do(desktest.Agent, "GET /api/kb/pages/help", nil).Want(200) // who works here is no reader
		if got := views(); got != 0 {
			t.Errorf("%d views were written at once", got)
		}
		d.Clock.FakeClock.Advance(time.Minute)
		d.Do(desktest.Customer, "GET /api/kb/pages/help", nil).Want(200) // and no job runs
		if got := views(); got != 4 {
			t.Errorf("after a minute there are %d views", got)
		}
		d.Do(desktest.Customer, "GET /api/kb/pages/help", nil).Want(200)
		d.Advance(2 * time.Minute)
		if got := views(); got != 5 {
			t.Errorf("after the job there are %d views", got)
		}
		d.Do(desktest.Customer, "GET /api/kb/pages/help", nil).Want(200)
		d.Reopen(kb.New(kb.Config{}))
		if got := views(); got != 6 {
			t.Errorf("after the end of the desk there are %d views", got)
		}
	})
}

func TestSearchesThatFindNothingAreListedForAdmins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		for range 2 {
			d.wantSlugs(desktest.Customer, search("Blue  Unicorn!"))
		}
		d.wantSlugs(desktest.Customer, search("yeti"))
		d.wantSlugs(desktest.Agent, search("agents know"))
		misses := func() (got struct{ Searches []kb.Miss }) {
			t.Helper()
			d.Do(desktest.Admin, "GET /api/kb/searches", nil).Want(200).JSON(&got)
			return got
		}
		if got := misses().Searches; len(got) != 2 || got[0].Words != "blue unicorn" || got[0].Count != 2 || !got[0].LastAt.Equal(d.Now()) {
			t.Errorf("%+v", got)
		}
		d.Do(desktest.Agent, "GET /api/kb/searches", nil).Want(403)
		if err := d.DB.Exec("INSERT INTO hookdesk_kb_misses (words, count, last_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1998)" +
			" SELECT 'w' || i, 1, 0 FROM n").Error; err != nil {
			t.Fatal(err)
		}
		d.wantSlugs(desktest.Customer, search("one too many"))
		var n int64
		if d.DB.Table("hookdesk_kb_misses").Count(&n); n != 2000 {
			t.Errorf("%d are kept", n)
		}
		d.Advance(time.Hour)
		if got := misses().Searches; len(got) != 2 {
			t.Errorf("%d are left of those that nobody looks for any more", len(got))
		}
	})
}

func TestATicketHasArticlesThatMayAnswerIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.published("Return a parcel", "Print the label.", nil)
		d.published("Opening hours", "Nine to five.", nil)
		d.draft("Parcel secrets", "label", nil)
		ticket, err := d.Tickets.Create(d.As(desktest.Customer), core.TicketDraft{Subject: "How do I send a parcel back?", Body: "I have no label for it."})
		if err != nil {
			t.Fatal(err)
		}
		route := fmt.Sprintf("/api/tickets/%d/articles", ticket.ID)
		d.wantSlugs(desktest.Agent, route, "return-a-parcel")
		d.Do(desktest.Customer, "GET "+route, nil).Want(403)
		d.Do(desktest.Agent, "GET /api/tickets/999/articles", nil).Want(404)
		d.wantSlugs(desktest.Customer, "/api/kb/suggest?q=where+can+I+leave+my+parc", "return-a-parcel")
		d.wantSlugs(desktest.Customer, "/api/kb/suggest?q=parc+please")
		d.settings(false, "public", "en")
		d.wantSlugs(desktest.Agent, route)
	})
}

func TestOthersTakePart(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var host core.Host
		d := open(t, db, core.Inline("acme", func(h core.Host) error { host = h; return nil }))
		on := &d.base.Hooks
		on.Update.Before.Add(host, "polish", func(_ context.Context, in *kb.Draft) error {
			in.Title = strings.ReplaceAll(in.Title, "colour", "color")
			return nil
		})
		on.Publish.Before.Add(host, "review", func(_ context.Context, in *kb.Draft) error {
			if in.Title == "Unread" {
				return hooks.Veto("unread", "somebody has to read it first")
			}
			return nil
		})
		on.Search.Add(host, "first-only", func(_ context.Context, r *kb.Results) error {
			r.Articles = r.Articles[:min(1, len(r.Articles))]
			return nil
		})
		unread := d.draft("Unread", "", nil)
		if body := string(d.Do(desktest.Admin, one("PATCH", unread.ID), fields{"version": 1, "state": "published"}).Want(422).Body); !strings.Contains(body, "somebody has to read it first") {
			t.Error(body)
		}
		if a := d.published("In colour", "word", nil); a.Title != "In color" {
			t.Errorf("%+v", a)
		}
		d.published("Colour", "word", nil)
		if got := d.slugs(desktest.Customer, search("word")); !slices.Equal(got, []string{"in-color"}) {
			t.Errorf("%q", got)
		}
	})
}

package kb_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/kb"
)

func TestPlugin(t *testing.T) {
	t.Parallel()
	desktest.Exercise(t, func() core.Plugin { return kb.New(kb.Config{}) }, desktest.With(
		func(t testing.TB, d *desktest.Desk, ticket core.Ticket) {
			t.Helper()
			var shelf kb.Category
			d.Do(desktest.Admin, "POST /api/kb/categories", map[string]any{"name": "Orders"}).Want(201).JSON(&shelf)
			var a kb.Article
			d.Do(desktest.Admin, "POST /api/kb/articles", map[string]any{
				"title": "Return a parcel", "body": "Print the *label* and leave the parcel at any post office.", "locale": "en", "category_id": shelf.ID,
			}).Want(201).JSON(&a)
			d.Do(desktest.Admin, one("PATCH", a.ID), map[string]any{"version": 1, "state": "published"}).Want(200)
			d.Do(desktest.Customer, "GET /api/kb/pages/"+a.Slug, nil).Want(200)
			d.Do(desktest.Customer, "GET /api/kb/search?q=parc", nil).Want(200)
			d.Do(desktest.Customer, "GET /api/kb/search?q=unicorn", nil).Want(200)
			d.Do(desktest.Customer, one("POST", a.ID)+"/feedback", map[string]any{"helpful": true}).Want(204)
			d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d/articles", ticket.ID), nil).Want(200)
			if err := d.RunJob(t.Context(), "kb.views"); err != nil { // or the end of the desk would write the view
				t.Error(err)
			}
		}))
}

// desk is a desk with a knowledge base, and what these tests ask of it.
type desk struct {
	*desktest.Desk
	t    *testing.T
	base *kb.Plugin
}

func open(t *testing.T, db desktest.Database, others ...core.Plugin) desk {
	t.Helper()
	base := kb.New(kb.Config{})
	return desk{desktest.New(t, db, append(others, base)...), t, base}
}

// each runs a test on a desk of either database.
func each(t *testing.T, fn func(t *testing.T, d desk)) {
	t.Helper()
	desktest.Each(t, func(t *testing.T, db desktest.Database) { fn(t, open(t, db)) })
}

func one(method string, article int64) string {
	return fmt.Sprintf("%s /api/kb/articles/%d", method, article)
}

type fields map[string]any

// draft writes an article in English, unless more says otherwise.
func (d desk) draft(title, body string, more fields) (a kb.Article) {
	d.t.Helper()
	in := fields{"title": title, "body": body, "locale": "en"}
	maps.Copy(in, more)
	d.Do(desktest.Admin, "POST /api/kb/articles", in).Want(201).JSON(&a)
	return a
}

func (d desk) publish(a kb.Article) kb.Article {
	d.t.Helper()
	return d.patch(a, fields{"state": "published"})
}

func (d desk) published(title, body string, more fields) kb.Article {
	d.t.Helper()
	return d.publish(d.draft(title, body, more))
}

// patch changes an article as it was last seen.
func (d desk) patch(a kb.Article, change fields) kb.Article {
	d.t.Helper()
	change["version"] = a.Version
	d.Do(desktest.Admin, one("PATCH", a.ID), change).Want(200).JSON(&a)
	return a
}

// slugs are the addresses of the articles that a list answers with.
func (d desk) slugs(who desktest.Who, path string) []string {
	d.t.Helper()
	var list struct{ Articles []struct{ Slug string } }
	d.Do(who, "GET "+path, nil).Want(200).JSON(&list)
	found := []string{}
	for _, a := range list.Articles {
		found = append(found, a.Slug)
	}
	return found
}

func (d desk) wantSlugs(who desktest.Who, path string, want ...string) {
	d.t.Helper()
	if got := d.slugs(who, path); !slices.Equal(got, append([]string{}, want...)) {
		d.t.Errorf("GET %s finds %q, want %q", path, got, want)
	}
}

func (d desk) settings(enabled bool, access, locale string) {
	d.t.Helper()
	value := fields{"enabled": enabled, "access": access, "default_locale": locale}
	d.Do(desktest.Admin, "PUT /api/settings/kb", fields{"value": value}).Want(200)
}

// events are the names of the events of this plugin, numbered, in a line.
func (d desk) events() string {
	d.t.Helper()
	var names []string
	if err := d.DB.Table("hookdesk_events").Where("type LIKE 'kb.%'").Order("id").Pluck("type", &names).Error; err != nil {
		d.t.Fatal(err)
	}
	for i, name := range names {
		names[i] = fmt.Sprint(i+1, " ", name)
	}
	return strings.Join(names, ", ")
}

func (d desk) in(after time.Duration) string { return d.Now().Add(after).Format(time.RFC3339Nano) }

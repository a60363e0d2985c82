package kb_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/kb"
)

func TestCustomersReadWhatIsPublishedAndNothingElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.draft("Track an order", "Look *here*.", nil)
		d.Do(desktest.Customer, "GET /api/kb/pages/track-an-order", nil).Want(404)
		d.wantSlugs(desktest.Customer, "/api/kb/pages")
		d.wantSlugs(desktest.Agent, "/api/kb/articles?state=draft", "track-an-order")
		a = d.publish(a)
		var page kb.Page
		d.Do(desktest.Anonymous, "GET /api/kb/pages/track-an-order", nil).Want(200).JSON(&page)
		if page.HTML != "<p>Look <em>here</em>.</p>\n" || page.Title != "Track an order" {
			t.Errorf("%+v", page)
		}
		d.wantSlugs(desktest.Anonymous, "/api/kb/pages", "track-an-order")
		d.patch(a, fields{"state": "draft"})
		d.Do(desktest.Anonymous, "GET /api/kb/pages/track-an-order", nil).Want(404)
		if got := d.events(); got != "1 kb.updated, 2 kb.updated, 3 kb.published, 4 kb.updated, 5 kb.unpublished" {
			t.Errorf("the events are %s", got)
		}
	})
}

func TestAScheduledArticleIsThereAtItsTimeWithoutTheJob(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.draft("New prices", "From today on.", nil)
		a = d.patch(a, fields{"state": "scheduled", "publish_at": d.in(time.Hour)})
		d.Do(desktest.Customer, "GET /api/kb/pages/new-prices", nil).Want(404)
		d.wantSlugs(desktest.Customer, "/api/kb/search?q=prices")
		d.Clock.FakeClock.Advance(time.Hour) // and no job runs
		d.Do(desktest.Customer, "GET /api/kb/pages/new-prices", nil).Want(200)
		d.wantSlugs(desktest.Customer, "/api/kb/search?q=prices", "new-prices")
		d.Advance(2 * time.Minute)
		d.Do(desktest.Agent, one("GET", a.ID), nil).Want(200).JSON(&a)
		if got := d.events(); got != "1 kb.updated, 2 kb.updated, 3 kb.published" || a.State != kb.StatePublished {
			t.Errorf("the events are %s, the state is %s", got, a.State)
		}
	})
}

func TestWhatMakesAnArticleIsChecked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		by    desktest.Who
		body  any
		want  int
		field string
	}{
		"an admin writes one":                 {body: fields{"title": "Help", "body": ""}, want: 201},
		"the longest title and body are fine": {body: fields{"title": strings.Repeat("é", 200), "body": strings.Repeat("é ", 100_000)}, want: 201},
		"an agent writes none":                {by: desktest.Agent, body: fields{"title": "Help", "body": ""}, want: 403},
		"nobody writes none":                  {by: desktest.Anonymous, body: fields{"title": "Help", "body": ""}, want: 401},
		"a title must be there":               {body: fields{"title": "", "body": ""}, want: 422, field: "title"},
		"a title is more than space":          {body: fields{"title": "  ", "body": ""}, want: 422, field: "title"},
		"a title is short":                    {body: fields{"title": strings.Repeat("é", 201), "body": ""}, want: 422, field: "title"},
		"a body has an end":                   {body: fields{"title": "Help", "body": strings.Repeat("é", 200_001)}, want: 422, field: "body"},
		"quotes are not endlessly deep":       {body: fields{"title": "Help", "body": strings.Repeat("> ", 60) + "deep"}, want: 422, field: "body"},
		"lists are not endlessly deep":        {body: fields{"title": "Help", "body": strings.Repeat("- ", 90_000) + "deep"}, want: 422, field: "body"},
		"a rule across the page is fine":      {body: fields{"title": "Help", "body": "above\n\n" + strings.Repeat("-", 80) + "\n\nbelow"}, want: 201},
		"a locale must be one":                {body: fields{"title": "Help", "body": "", "locale": "the moon"}, want: 422, field: "locale"},
		"a slug must be one":                  {body: fields{"title": "Help", "body": "", "slug": "a/b"}, want: 422, field: "slug"},
		"a category must be there":            {body: fields{"title": "Help", "body": "", "category_id": 99}, want: 422, field: "category_id"},
		"a slug of the translator's is fine":  {body: fields{"title": "Hilfe", "body": "", "slug": "help", "locale": "DE"}, want: 201},
		"a slug in another script is fine":    {body: fields{"title": "Hilfe", "body": "", "slug": "помощь"}, want: 201},
		"a field must be known":               {body: fields{"title": "Help", "body": "", "html": "<b>"}, want: 422, field: "html"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.by.UserID == "" && row.want != 401 {
				row.by = desktest.Admin
			}
			each(t, func(t *testing.T, d desk) {
				answer := d.Do(row.by, "POST /api/kb/articles", row.body).Want(row.want)
				if row.field != "" && !strings.Contains(string(answer.Body), `"field":"`+row.field+`"`) {
					t.Errorf("the answer does not name %s: %s", row.field, answer)
				}
			})
		})
	}
}

func TestAStateGoesWithItsTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.draft("Help", "", nil)
		for _, bad := range []fields{
			{"state": "scheduled"}, {"state": "scheduled", "publish_at": d.in(0)},
			{"state": "published", "publish_at": d.in(time.Hour)}, {"publish_at": d.in(time.Hour)}, {"state": "hidden"},
		} {
			bad["version"] = a.Version
			d.Do(desktest.Admin, one("PATCH", a.ID), bad).Want(422)
		}
	})
}

func TestTwoAdminsDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.draft("Help", "first", nil)
		d.Do(desktest.Admin, one("PATCH", a.ID), fields{"body": "whose?"}).Want(422)
		d.DoWith(desktest.Admin, one("PATCH", a.ID), fields{"body": "second"}, http.Header{"If-Match": {`"1"`}}).Want(200)
		late := d.Do(desktest.Admin, one("PATCH", a.ID), fields{"body": "third", "version": 1}).Want(409)
		if body := string(late.Body); !strings.Contains(body, "you saw version 1, it is at version 2") || !strings.Contains(body, `"current":2`) {
			t.Errorf("the conflict does not tell both versions: %s", body)
		}
		saved := make(chan int, 8)
		for range cap(saved) {
			go func() { saved <- d.Do(desktest.Admin, one("PATCH", a.ID), fields{"body": "race", "version": 2}).Status }()
		}
		won := 0
		for range cap(saved) {
			if <-saved == 200 {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d of eight saves of one version won", won)
		}
	})
}

func TestAFormerVersionIsRestoredAndNothingIsLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Help", "good", nil)
		a = d.patch(a, fields{"title": "Hlep", "body": "bad"})
		d.Do(desktest.Admin, one("POST", a.ID)+"/versions/1/restore", fields{"version": 2}).Want(409)
		d.Do(desktest.Admin, one("POST", a.ID)+"/versions/9/restore", fields{"version": 3}).Want(404)
		d.Do(desktest.Agent, one("POST", a.ID)+"/versions/1/restore", fields{"version": 3}).Want(403)
		d.Do(desktest.Admin, one("POST", a.ID)+"/versions/1/restore", fields{"version": 3}).Want(200).JSON(&a)
		if a.Title != "Help" || a.Body != "good" || a.Version != 4 || a.Slug != "help" || a.State != kb.StatePublished {
			t.Errorf("%+v", a)
		}
		var first, second struct {
			Versions   []kb.Version
			NextCursor *string `json:"next_cursor"`
		}
		d.Do(desktest.Agent, one("GET", a.ID)+"/versions?limit=3", nil).Want(200).JSON(&first)
		d.Do(desktest.Agent, one("GET", a.ID)+"/versions?limit=3&cursor="+*first.NextCursor, nil).Want(200).JSON(&second)
		if all := slices.Concat(first.Versions, second.Versions); len(all) != 4 || all[1].Title != "Hlep" || all[0].By.Name != "Ada Admin" || !all[3].SavedAt.Equal(d.Now()) {
			t.Errorf("%+v", all)
		}
		d.wantSlugs(desktest.Customer, "/api/kb/search?q=good", "help")
		d.wantSlugs(desktest.Customer, "/api/kb/search?q=bad")
	})
}

func TestASlugKeepsAnyScriptIsUniqueAndStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		for title, want := range map[string]string{
			"Wie geht's? Straße & Größe": "wie-geht-s-straße-größe", "Как вернуть заказ?": "как-вернуть-заказ", "返品の方法": "返品の方法",
			"!!!": "article", "../../etc/passwd": "etc-passwd", strings.Repeat("ab ", 60): strings.Repeat("ab-", 26) + "ab",
			"हिन्दी सहायता": "हिन्दी-सहायता",
		} {
			a := d.published(title, "text", nil)
			if a.Slug != want {
				t.Errorf("%q gets the slug %q, want %q", title, a.Slug, want)
			}
			d.Do(desktest.Customer, "GET /api/kb/pages/"+url.PathEscape(a.Slug), nil).Want(200)
		}
		a, again := d.draft("Help", "", nil), d.draft("Help!", "", nil)
		if third := d.draft("help", "", nil); again.Slug != "help-2" || third.Slug != "help-3" {
			t.Errorf("%q, %q", again.Slug, third.Slug)
		}
		if de := d.draft("Help", "", fields{"locale": "de"}); de.Slug != "help" {
			t.Errorf("in another locale it is %q", de.Slug)
		}
		if a = d.patch(a, fields{"title": "Assistance"}); a.Slug != "help" {
			t.Errorf("a new title made the slug %q", a.Slug)
		}
		d.Do(desktest.Admin, one("PATCH", a.ID), fields{"version": a.Version, "slug": "help-2"}).Want(409)
	})
}

func TestALocaleFallsBackToTheDefault(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.published("Opening hours", "nine to five", nil)
		d.published("Shipping", "two days", nil)
		german := d.draft("Öffnungszeiten", "neun bis fünf", fields{"locale": "de", "slug": "opening-hours"})
		title := func(path string) string {
			t.Helper()
			var page kb.Page
			d.Do(desktest.Anonymous, "GET "+path, nil).Want(200).JSON(&page)
			return page.Title
		}
		if got := title("/api/kb/pages/opening-hours?locale=de"); got != "Opening hours" {
			t.Errorf("while the translation is a draft, %q is read", got)
		}
		d.wantSlugs(desktest.Anonymous, "/api/kb/search?q=five&locale=de", "opening-hours")
		d.publish(german)
		for locale, want := range map[string]string{"de": "Öffnungszeiten", "DE": "Öffnungszeiten", "fr": "Opening hours", "en": "Opening hours"} {
			if got := title("/api/kb/pages/opening-hours?locale=" + locale); got != want {
				t.Errorf("in %s one reads %q, want %q", locale, got, want)
			}
		}
		d.wantSlugs(desktest.Anonymous, "/api/kb/pages?locale=de", "shipping", "opening-hours")
		d.wantSlugs(desktest.Anonymous, "/api/kb/search?q=five&locale=de")
		d.wantSlugs(desktest.Anonymous, "/api/kb/search?q=funf&locale=de", "opening-hours")
		d.Do(desktest.Anonymous, "GET /api/kb/pages/opening-hours?locale=no%20where", nil).Want(422)
	})
}

func TestALocaleFallsBackToTheLanguageWithoutItsRegion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.published("Bike", "english", nil)
		d.published("Fahrrad", "deutsch", fields{"locale": "de", "slug": "bike"})
		d.published("Velo", "schweizerdeutsch", fields{"locale": "de-CH", "slug": "bike"})
		for locale, want := range map[string]string{
			"de-CH": "Velo", "de-AT": "Fahrrad", "de-CH-1996": "Velo", "de": "Fahrrad", "en-GB": "Bike", "fr-CH": "Bike",
		} {
			var list struct{ Articles []kb.Page }
			d.Do(desktest.Anonymous, "GET /api/kb/pages?locale="+locale, nil).Want(200).JSON(&list)
			if len(list.Articles) != 1 || list.Articles[0].Title != want {
				t.Errorf("in %s one reads %+v, want %q alone", locale, list.Articles, want)
			}
		}
		d.settings(true, "public", "de-LI") // the default falls back likewise
		var page kb.Page
		d.Do(desktest.Anonymous, "GET /api/kb/pages/bike?locale=fr", nil).Want(200).JSON(&page)
		if page.Title != "Fahrrad" {
			t.Errorf("where de-LI is the default, %q is read", page.Title)
		}
	})
}

func TestADefaultLocaleThatWouldEmptyTheBaseIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.settings(true, "public", "fr") // nothing is published at all
		a := d.published("Help", "words", nil)
		value := fields{"value": fields{"enabled": true, "access": "public", "default_locale": "it"}}
		got := d.Do(desktest.Admin, "PUT /api/settings/kb", value).Want(422)
		if body := string(got.Body); !strings.Contains(body, "default_locale") || !strings.Contains(body, "nothing is published in it, but in en") {
			t.Errorf("the refusal does not tell why: %s", body)
		}
		d.settings(true, "public", "en")
		d.patch(a, fields{"state": "draft"})
		d.settings(true, "public", "it")
	})
}

func TestAPatchThatChangesNothingIsNoVersion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		at := d.in(time.Hour)
		a := d.patch(d.draft("Help", "words", nil), fields{"state": "scheduled", "publish_at": at})
		for _, same := range []fields{{}, {"title": " Help "}, {"body": "words"}, {"state": "scheduled", "publish_at": at}, {"category_id": nil}} {
			if got := d.patch(a, same); got.Version != a.Version {
				t.Errorf("%v makes version %d of %d", same, got.Version, a.Version)
			}
		}
		if n := d.count("kb_versions"); n != 2 {
			t.Errorf("there are %d versions, want 2", n)
		}
	})
}

func TestSettingsHoldAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Help", "words", nil)
		public := []string{"GET /api/kb/pages", "GET /api/kb/pages/help", "GET /api/kb/categories", "GET /api/kb/search?q=words", "GET /api/kb/suggest?q=words"}
		d.settings(true, "signed_in", "en")
		for _, route := range public {
			d.Do(desktest.Anonymous, route, nil).Want(401)
			d.Do(desktest.Customer, route, nil).Want(200)
		}
		d.settings(false, "public", "en")
		for _, route := range public {
			d.Do(desktest.Anonymous, route, nil).Want(404)
			d.Do(desktest.Customer, route, nil).Want(404)
			d.Do(desktest.Agent, route, nil).Want(200)
		}
		d.Do(desktest.Customer, one("POST", a.ID)+"/feedback", fields{"helpful": true}).Want(404)
		d.wantSlugs(desktest.Agent, "/api/kb/suggest?q=words")
		d.patch(a, fields{"title": "Still edited"})
		d.settings(true, "public", "en")
		d.Do(desktest.Anonymous, "GET /api/kb/pages/help", nil).Want(200)
	})
}

func TestADeletedArticleIsGoneFromEverywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Help", "words", nil)
		d.Do(desktest.Customer, one("POST", a.ID)+"/feedback", fields{"helpful": true}).Want(204)
		d.Do(desktest.Agent, one("DELETE", a.ID), nil).Want(403)
		d.Do(desktest.Admin, one("DELETE", a.ID), nil).Want(204)
		d.Do(desktest.Admin, one("DELETE", a.ID), nil).Want(404)
		d.Do(desktest.Agent, one("GET", a.ID), nil).Want(404)
		d.wantSlugs(desktest.Customer, "/api/kb/search?q=words")
		for _, table := range []string{"articles", "versions", "votes", "words"} {
			var n int64
			if err := d.DB.Table("hookdesk_kb_" + table).Count(&n).Error; err != nil || n != 0 {
				t.Errorf("%s has %d rows, %v", table, n, err)
			}
		}
	})
}

func TestCategoriesAreATree(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		add := func(name string, parent *int64, want int) (c kb.Category) {
			t.Helper()
			r := d.Do(desktest.Admin, "POST /api/kb/categories", fields{"name": name, "parent_id": parent}).Want(want)
			if want == 201 {
				r.JSON(&c)
			}
			return c
		}
		path := func(method string, id int64) string {
			return method + " /api/kb/categories/" + strconv.FormatInt(id, 10)
		}
		top := add("Top", nil, 201)
		last := top
		for range 19 {
			last = add("Top", &last.ID, 201)
		}
		add("Too deep", &last.ID, 422)
		if last.Slug != "top-20" {
			t.Errorf("the twentieth has the slug %s", last.Slug)
		}
		d.Do(desktest.Admin, path("PATCH", top.ID), fields{"parent_id": last.ID}).Want(422)
		d.Do(desktest.Admin, path("PATCH", top.ID), fields{"parent_id": top.ID}).Want(422)
		d.Do(desktest.Admin, path("PATCH", top.ID), fields{"parent_id": 999}).Want(422)
		other := add("Other", nil, 201)
		d.Do(desktest.Admin, path("PATCH", other.ID), fields{"parent_id": other.ID}).Want(422)
		d.Do(desktest.Admin, path("PATCH", top.ID), fields{"parent_id": other.ID}).Want(422)
		d.Do(desktest.Admin, path("PATCH", other.ID), fields{"parent_id": top.ID, "name": "Others"}).Want(200).JSON(&other)
		if other.Name != "Others" || other.Slug != "other" {
			t.Errorf("%+v", other)
		}
		d.Do(desktest.Admin, path("DELETE", top.ID), nil).Want(409)
		a := d.draft("Help", "", fields{"category_id": other.ID})
		d.Do(desktest.Admin, path("DELETE", other.ID), nil).Want(409)
		d.patch(a, fields{"category_id": nil})
		d.Do(desktest.Agent, path("DELETE", other.ID), nil).Want(403)
		d.Do(desktest.Admin, path("DELETE", other.ID), nil).Want(204)
		d.Do(desktest.Admin, path("DELETE", other.ID), nil).Want(404)
	})
}

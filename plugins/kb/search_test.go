package kb_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/kb"
)

func search(text string) string { return "/api/kb/search?q=" + url.QueryEscape(text) }

func TestASearchFindsByWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.published("Return a parcel", "Print the label. Zürich has three depots.", nil)
		d.published("Invoices", "An invoice comes by mail, with the parcel; Straße, наклейка.", nil)
		d.published("返品の方法", "商品を返送する手順", nil)
		d.draft("Parcel secrets", "parcel, once more a parcel", nil)
		for text, want := range map[string][]string{
			"parcel":               {"return-a-parcel", "invoices"},
			"PARCEL return":        {"return-a-parcel"},
			"parc":                 {"return-a-parcel", "invoices"},
			"parc return":          {},
			"zurich":               {"return-a-parcel"},
			"ZÜRICH depots":        {"return-a-parcel"},
			"наклейк":              {"invoices"},
			"返品":                   {"返品の方法"},
			"商品":                   {"返品の方法"},
			"secrets":              {},
			"invoise":              {"invoices"},
			"retrun parcel":        {"return-a-parcel"},
			"unicorn":              {},
			`"parcel" OR invoices`: {},
			`parcel" AND "invoice`: {},
			"title:parcel":         {},
			"parcel*":              {"return-a-parcel", "invoices"},
			"parcel' | 'x":         {},
			"{grams}: (arc)":       {},
			"NEAR(parcel label)":   {},
			"!!!":                  {},
			"parcel:* & !label\\":  {"return-a-parcel"},
		} {
			d.wantSlugs(desktest.Customer, search(text), want...)
		}
	})
}

func TestASearchSaysWhatItSearchedForInstead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.published("Password forgotten", "Ask for a new one.", nil)
		var got kb.Results
		d.Do(desktest.Customer, "GET "+search("pasword"), nil).Want(200).JSON(&got)
		if got.Corrected != "password" || len(got.Articles) != 1 {
			t.Errorf("%+v", got)
		}
		d.draft("Mailboxes", "", nil) // nobody learns the words of a draft
		var none kb.Results
		d.Do(desktest.Customer, "GET "+search("mailboxs"), nil).Want(200).JSON(&none)
		if none.Corrected != "" || len(none.Articles) != 0 {
			t.Errorf("%+v", none)
		}
	})
}

func TestASnippetIsSafeAndMarksWhatWasFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		d.published("Code", "Write `<script>alert(1)</script>` & \"quote\" the Parcel.", nil)
		d.published("Long", strings.Repeat("filler ", 100)+"needle "+strings.Repeat("more ", 100), nil)
		for text, want := range map[string]string{
			"parcel": "Write &lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;quote&#34; the <mark>Parcel</mark>.",
			"script": "Write &lt;<mark>script</mark>&gt;alert(1)&lt;/<mark>script</mark>&gt; &amp; &#34;quote&#34; the Parcel.",
			"needle": "<mark>needle</mark>",
		} {
			var got kb.Results
			d.Do(desktest.Customer, "GET "+search(text), nil).Want(200).JSON(&got)
			if len(got.Articles) != 1 || !strings.Contains(got.Articles[0].Snippet, want) || len(got.Articles[0].Snippet) > 300 {
				t.Errorf("%s: %+v", text, got.Articles)
			}
		}
	})
}

func TestASearchIsBoundedAndChecked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		for i := range 22 {
			d.published(fmt.Sprintf("Parcel %d", i), "", nil)
		}
		if got := len(d.slugs(desktest.Customer, search("parcel"))); got != 10 {
			t.Errorf("a page has %d", got)
		}
		if got := len(d.slugs(desktest.Customer, search("parcel")+"&limit=20")); got != 20 {
			t.Errorf("the longest page has %d", got)
		}
		for _, bad := range []string{"", "?q=", "?q=" + strings.Repeat("a", 201), "?q=a&limit=21", "?q=a&locale=!", "?q=a&colour=red"} {
			if got := d.Do(desktest.Customer, "GET /api/kb/search"+bad, nil).Status; got != 422 && got != 400 {
				t.Errorf("%q is answered by %d", bad, got)
			}
		}
	})
}

func TestAnEditedArticleIsFoundByItsNewWordsOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d desk) {
		a := d.published("Old title", "old text", nil)
		d.patch(a, fields{"title": "New title", "body": "new text"})
		d.wantSlugs(desktest.Customer, search("old"))
		d.wantSlugs(desktest.Customer, search("new text"), "old-title")
	})
}

func TestOthersFindTheServiceWhichHonoursTheSettings(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var host core.Host
		d := open(t, db, core.Inline("acme", func(h core.Host) error { host = h; return nil }))
		a := d.published("Help", "words", nil)
		service, ok := core.Lookup[interface {
			Search(ctx context.Context, q kb.Query) (kb.Results, error)
			Get(ctx context.Context, slug string, locale kb.Locale) (kb.Page, error)
		}](host)
		if !ok {
			t.Fatal("there is no service")
		}
		ctx := host.As(t.Context())
		found, err := service.Search(ctx, kb.Query{Text: "words"})
		if err != nil || len(found.Articles) != 1 {
			t.Errorf("%+v, %v", found, err)
		}
		if page, err := service.Get(ctx, "help", ""); err != nil || page.ID != a.ID {
			t.Errorf("%+v, %v", page, err)
		}
		d.settings(false, "public", "en")
		for _, who := range []context.Context{ctx, t.Context(), d.As(desktest.Customer), d.As(desktest.Agent)} {
			if found, err = service.Search(who, kb.Query{Text: "words"}); err != nil || len(found.Articles) != 0 {
				t.Errorf("while it is off: %+v, %v", found, err)
			}
			if _, err = service.Get(who, "help", ""); core.KindOf(err) != core.NotFound {
				t.Errorf("while it is off: %v", err)
			}
		}
	})
}

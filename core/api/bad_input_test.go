package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
	"github.com/hookdesk/hookdesk/desktest"
)

// written tells how much stands in the tables that requests write.
func written(t *testing.T, d *desktest.Desk) string {
	t.Helper()
	var out strings.Builder
	for _, table := range []string{"tickets", "replies", "departments", "tags", "settings", "attachments", "events"} {
		var n int64
		if err := d.DB.Table("hookdesk_" + table).Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s=%d ", table, n)
	}
	return out.String()
}

func TestRubbishIsRefusedWithoutATrace(t *testing.T) {
	t.Parallel()
	const prefix = `{"subject":"`
	bodies := map[string]struct {
		header http.Header
		body   string
		want   int // 0: any refusal
	}{
		"plain text":            {http.Header{"Content-Type": {"text/plain"}}, `{}`, 415},
		"a form":                {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, `a=b`, 415},
		"no JSON":               {nil, `{"subject":`, 400},
		"two values":            {nil, `{}{}`, 400},
		"invalid UTF-8":         {nil, prefix + "\xff\"}", 400},
		"a NUL":                 {nil, `{"body":"a\u0000b","subject":"a\u0000b"}`, 422},
		"unknown fields":        {nil, `{"id":1,"created_at":"2020-01-01T00:00:00Z","is_admin":true}`, 422},
		"wrong types":           {nil, `{"subject":{},"body":[],"priority":{},"version":"x","ids":7}`, 422},
		"2 MiB":                 {nil, prefix + strings.Repeat("x", 2<<20) + `"}`, 413},
		"a list":                {nil, `[]`, 422},
		"deep nesting":          {nil, strings.Repeat("[", 100) + strings.Repeat("]", 100), 400},
		"from another origin":   {http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, `{}`, 403},
		"priority out of range": {nil, `{"subject":"x","body":"x","priority":99}`, 422},
	}
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		d.PersonID(desktest.Admin)
		d.Settle()
		before := written(t, d)
		for _, rt := range api.Routes(d.Desk) {
			if rt.Method != http.MethodPost && rt.Method != http.MethodPatch && rt.Method != http.MethodPut || rt.Path == "/api/attachments" {
				continue
			}
			for name, c := range bodies {
				if strings.HasPrefix(rt.Path, "/api/guest") && name == "wrong types" {
					continue
				}
				res := d.DoWith(desktest.Admin, rt.Method+" "+path(rt, ticket.ID, 1), c.body, c.header)
				if res.Status >= 500 || res.Status < 400 || c.want >= 403 && c.want != 422 && res.Status != c.want {
					t.Errorf("%s with %s: %d %s", rt.Pattern(), name, res.Status, res.Body)
				}
			}
		}
		if after := written(t, d); after != before {
			t.Errorf("something was written: %s, before %s", after, before)
		}
	})
}

func TestSQLInAQueryIsNothingButText(t *testing.T) {
	t.Parallel()
	payloads := []string{
		"id; DROP TABLE hookdesk_tickets", "'", `"`, "1 OR 1=1", "(CASE WHEN 1=1 THEN id ELSE subject END)", "created--", "created/**/", "%27",
		"\x00", "\xff", "a'; SELECT pg_sleep(5);--", strings.Repeat("9", 300), "-1", "NaN", "🦆",
	}
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		d.Ticket(desktest.Customer)
		for _, name := range []string{"sort", "status", "priority", "type", "department", "tag", "assignee", "requester", "q", "cursor", "limit", "created_from", "updated_since", "open", "count"} {
			for _, p := range payloads {
				res := d.Do(desktest.Agent, "GET /api/tickets?"+url.Values{name: {p}}.Encode(), nil)
				if res.Status != 200 && res.Status != 422 && res.Status != 400 {
					t.Errorf("%s=%q: %d %s", name, p, res.Status, res.Body)
				}
				if strings.Contains(strings.ToLower(string(res.Body)), "syntax") || strings.Contains(string(res.Body), "SQL") {
					t.Errorf("%s=%q tells of the database: %s", name, p, res.Body)
				}
			}
		}
		d.Do(desktest.Customer, "GET /api/tickets", nil).Want(200)
	})
}

func TestAnIdentifyThatPanicsRefusesTheCaller(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.NewWith(t, db, func(c *core.Config) {
			c.Identify = func(*http.Request) (core.Identity, error) { panic("the host is broken") }
		})
		d.AllowErrors()
		d.Do(desktest.Admin, "GET /api/tickets", nil).Want(http.StatusUnauthorized)
		d.Do(desktest.Admin, "POST /api/tickets", map[string]any{"subject": "x", "body": "x"}).Want(http.StatusUnauthorized)
		d.Do(desktest.Admin, "GET /api/openapi.json", nil).Want(http.StatusOK)
	})
}

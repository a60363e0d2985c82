package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestAGuestHoldsTheKeyToOneTicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ask := map[string]any{"name": "Gus", "email": "Gus@Example.com", "subject": "Lost", "body": "my key"}
		var mine, other struct {
			Token  string
			Ticket struct{ ID int64 }
		}
		d.Do(desktest.Anonymous, "POST /api/guest/tickets", ask).Want(http.StatusCreated).JSON(&mine)
		d.Do(desktest.Anonymous, "POST /api/guest/tickets", ask).Want(http.StatusCreated).JSON(&other)
		as := func(token string) http.Header { return http.Header{core.GuestHeader: {token}} }
		get := func(token, path string) *desktest.Response {
			return d.DoWith(desktest.Anonymous, "GET "+path, nil, as(token))
		}
		seen := get(mine.Token, "/api/guest/tickets").Want(http.StatusOK)
		if !bytes.Contains(seen.Body, []byte(fmt.Sprintf(`"id":%d`, mine.Ticket.ID))) || bytes.Contains(seen.Body, []byte(mine.Token)) {
			t.Errorf("%s", seen.Body)
		}
		get(mine.Token, fmt.Sprintf("/api/tickets/%d", other.Ticket.ID)).Want(http.StatusForbidden)
		get("no such token", "/api/guest/tickets").Want(http.StatusUnauthorized)
		d.DoWith(desktest.Anonymous, "POST /api/guest/replies", map[string]any{"body": "found it"}, as(mine.Token)).Want(http.StatusCreated)
		agents := d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d", mine.Ticket.ID), nil).Want(http.StatusOK)
		if !bytes.Contains(agents.Body, []byte("found it")) || bytes.Contains(agents.Body, []byte(mine.Token)) {
			t.Errorf("%s", agents.Body)
		}
		var n int64
		if err := d.DB.Table("hookdesk_guest_tokens").Where("hash = ?", mine.Token).Count(&n).Error; err != nil || n != 0 {
			t.Errorf("the token itself is kept: %d %v", n, err)
		}
		d.Leap(91 * 24 * time.Hour)
		get(mine.Token, "/api/guest/tickets").Want(http.StatusUnauthorized)
	})
}

func TestADeskThatTakesNoGuestsSaysSo(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.NewWith(t, db, func(c *core.Config) { c.GuestTickets = false })
		d.Do(desktest.Anonymous, "POST /api/guest/tickets", map[string]any{"name": "Gus", "email": "g@example.com", "subject": "s", "body": "b"}).Want(http.StatusForbidden)
	})
}

func TestTheServedDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		text := d.Do(desktest.Anonymous, "GET /api/openapi.json", nil).Want(http.StatusOK).Body
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
			t.Error(err)
		}
		var raw struct {
			Openapi string
			Paths   map[string]map[string]struct {
				Summary string
				Policy  string `json:"x-policy"` //nolint:tagliatelle // a word of OpenAPI
			}
		}
		if err := json.Unmarshal(text, &raw); err != nil || raw.Openapi[:3] != "3.1" || len(raw.Paths) < 30 {
			t.Fatalf("%s, %d paths: %v", raw.Openapi, len(raw.Paths), err)
		}
		for path, methods := range raw.Paths {
			for method, op := range methods {
				if op.Summary == "" || op.Policy == "" {
					t.Errorf("%s %s has no summary or no policy", method, path)
				}
			}
		}
	})
}

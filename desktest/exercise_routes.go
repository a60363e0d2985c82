package desktest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
	"github.com/hookdesk/hookdesk/rest"
)

// route is a row of the plugin with what OpenAPI says of it; op is nil for one
// that is not described there.
type route struct {
	*rest.Route
	method string
	doc    *apiDocument
	op     *apiOperation
}

// routes are the plugin's rows, on or off.
func (s *suite) routes(t testing.TB, d *Desk) []route {
	table, err := api.Table(d.Desk)
	if err != nil {
		t.Fatal(err)
	}
	doc := openAPI(t, d)
	var out []route
	for _, row := range table.Routes() {
		if row.Owner != s.id() {
			continue
		}
		r := route{Route: row, method: row.Method, doc: doc}
		if r.method == "" {
			r.method = http.MethodPost
		}
		r.op = doc.Paths[strings.ReplaceAll(row.Path, "...}", "}")][strings.ToLower(r.method)]
		out = append(out, r)
	}
	return out
}

func (r route) String() string { return r.method + " " + r.Path }

// insider may do all: an admin with every right that the route asks for.
func (r route) insider() Who {
	who := Admin
	if _, rights, ok := strings.Cut(r.Policy.String(), " needing "); ok {
		who.Rights = strings.Split(rights, " and ")
	}
	return who
}

// typed reports whether the route reads a JSON body by its type.
func (r route) typed() bool {
	return r.op != nil && r.op.RequestBody.Content["application/json"].Schema != nil
}

// sample is a body that fits; nil when the route takes none.
func (r route) sample() any {
	if !r.typed() {
		return nil
	}
	return r.doc.sample(r.op.RequestBody.Content["application/json"].Schema, 0)
}

// target is the route's path with the ticket for every wildcard, or what values
// say, which are escaped already.
func (r route) target(ticket core.Ticket, values map[string]string) string {
	path := strings.ReplaceAll(r.Path, "...}", "}")
	for _, name := range r.Wildcards {
		v, ok := values[name]
		if !ok {
			v = strconv.FormatInt(ticket.ID, 10)
		}
		path = strings.Replace(path, "{"+name+"}", v, 1)
	}
	return path
}

// send makes the request. A stream is cut after a while.
func (r route) send(ctx context.Context, d *Desk, who Who, target string, body any) *Response {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return d.send(ctx, who, r.method+" "+target, body, nil)
}

func (s *suite) checkRoutes(t testing.TB, db Database) {
	d := s.desk(t, db)
	d.AllowErrors()
	ticket := s.play(t, d)
	s.confide(t, d, ticket)
	for _, r := range s.routes(t, d) {
		s.outsiders(t, d, r, ticket)
	}
	for _, request := range []string{"GET /api/tickets", fmt.Sprintf("GET /api/tickets/%d", ticket.ID)} {
		for _, who := range []Who{Anonymous, Stranger, Customer} {
			discreet(t, who, d.Do(who, request, nil)) // whatever the plugin's filters add
		}
	}
	for _, r := range s.routes(t, d) {
		s.nonsense(t, d, r, ticket)
		s.oddities(t, d, r, ticket)
	}
	for _, line := range d.Errors() {
		t.Errorf("the desk logged an error: %s", line)
	}
}

// What nobody but agents, or agents and Customer, may read.
const (
	forAgents   = "between-the-two-of-us"
	forCustomer = "between-us-and-our-customer"
)

// confide writes these into a ticket.
func (s *suite) confide(t testing.TB, d *Desk, ticket core.Ticket) {
	subject := "Ticket " + forCustomer
	if _, err := d.Tickets.Update(d.As(Agent), ticket.ID, core.TicketPatch{Subject: &subject}); err != nil {
		t.Fatal(err)
	}
	for _, draft := range []core.ReplyDraft{{Body: forCustomer}, {Body: forAgents, Internal: true}} {
		if _, err := d.Replies.Add(d.As(Agent), ticket.ID, draft); err != nil {
			t.Fatal(err)
		}
	}
}

// discreet wants nothing in an answer that is not for who.
func discreet(t testing.TB, who Who, got *Response) {
	isAgent := who.Role == core.Agent || who.Role == core.Admin
	if body := string(got.Body); !isAgent && strings.Contains(body, forAgents) ||
		!isAgent && who.UserID != Customer.UserID && strings.Contains(body, forCustomer) {
		t.Errorf("%q reads what is not for everybody: %s", who.UserID, got)
	}
}

// outsiders want what is not theirs.
func (s *suite) outsiders(t testing.TB, d *Desk, r route, ticket core.Ticket) {
	policy, _, _ := strings.Cut(r.Policy.String(), " ")
	ofTicket := strings.HasPrefix(r.Path, "/api/tickets/{")
	refused := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}
	for _, c := range []struct {
		who  Who
		must bool // be refused
	}{
		{Anonymous, policy != "public"},
		{Stranger, policy == "agents" || policy == "admins" || ofTicket && policy != "public"},
		{Customer, policy == "agents" || policy == "admins"},
		{Agent, policy == "admins"},
	} {
		got := r.send(context.Background(), d, c.who, r.target(ticket, nil), r.sample())
		switch {
		case got.Status >= 500:
			t.Errorf("%q: %s", c.who.UserID, got)
		case c.must && !slices.Contains(refused, got.Status):
			t.Errorf("%q, who is an outsider here: %s", c.who.UserID, got)
		}
		discreet(t, c.who, got)
	}
}

// nonsense is not JSON, or not what the route knows.
func (s *suite) nonsense(t testing.TB, d *Desk, r route, ticket core.Ticket) {
	target := r.target(ticket, nil)
	refused := []int{http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}
	for _, body := range []string{"{", "[]", "\xff", `{"no_such_field":1}`, strings.Repeat("[", 5000), `"text"`} {
		got := r.send(context.Background(), d, r.insider(), target, body)
		if got.Status >= 500 || r.typed() && !slices.Contains(refused, got.Status) {
			t.Errorf("with the body %.30q: %s", body, got)
		}
	}
	got := d.DoWith(r.insider(), r.method+" "+target, "subject=x", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	if got.Status >= 500 || r.typed() && !slices.Contains(refused, got.Status) {
		t.Errorf("with a form: %s", got)
	}
}

// oddities fit the form and may still be too much.
func (s *suite) oddities(t testing.TB, d *Desk, r route, ticket core.Ticket) {
	never500 := func(target string, body any) {
		if got := r.send(context.Background(), d, r.insider(), target, body); got.Status >= 500 {
			t.Errorf("with the body %.100v: %s", body, got)
		}
	}
	never500(r.target(ticket, nil), r.sample())
	for _, body := range oddBodies(r.sample()) {
		never500(r.target(ticket, nil), body)
	}
	strange := []string{"0", "-1", "9223372036854775807", "9223372036854775808", "99999999999999999999", "1e9", "x", "a%00b", "%FF", "a%2Fb", "%F0%9F%91%8D", "%27--"}
	for _, name := range r.Wildcards {
		for _, v := range strange {
			never500(r.target(ticket, map[string]string{name: v}), r.sample())
		}
	}
	if r.op == nil {
		return
	}
	for _, p := range r.op.Parameters {
		for _, v := range strange {
			if p.In == "query" {
				never500(fmt.Sprintf("%s?%s=%s", r.target(ticket, nil), url.QueryEscape(p.Name), v), r.sample())
			}
		}
	}
}

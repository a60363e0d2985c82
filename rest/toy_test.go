package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/rest"
)

// noon is the only time that the toys know.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// person calls; the header As names one.
type person struct {
	name   string
	role   rest.Role
	rights string
}

func (p person) Role() rest.Role         { return p.role }
func (p person) Holds(right string) bool { return p.rights == right }

type personKey struct{}

func identify(r *http.Request) (context.Context, rest.Caller, error) {
	p := person{name: r.Header.Get("As")}
	switch p.name {
	case "guest":
		p.role = rest.Guest
	case "requester":
		p.role = rest.Requester
	case "editor":
		p.role, p.rights = rest.Agent, "snooze:edit"
	case "agent":
		p.role = rest.Agent
	case "admin":
		p.role = rest.Admin
	case "broken":
		return nil, nil, errors.New("dial tcp 10.0.0.7: no route to the directory")
	case "panicking":
		panic("a bug of the host")
	case "busy":
		return nil, nil, rest.Errorf(rest.Unavailable, "the directory is down")
	}
	return context.WithValue(r.Context(), personKey{}, p.name), p, nil
}

var errVeto = errors.New("veto")

func translate(err error) error {
	if errors.Is(err, errVeto) {
		return &rest.Error{Kind: rest.Invalid, Code: "out-of-office", Message: "nobody is there to read it"}
	}
	return nil
}

func options() rest.Options {
	return rest.Options{
		Identify: identify, Translate: translate, Log: slog.New(slog.DiscardHandler), Version: "0.1",
		TrustedOrigins: []string{"https://shop.example"}, Receipts: newMemory(),
	}
}

// newTable has a core with tickets, and the plugins snooze and audit.
func newTable(t testing.TB, opts rest.Options) *rest.Table {
	t.Helper()
	table := rest.New(opts)
	c := table.Owner("core")
	c.Handle("GET /api/tickets", rest.Requesters, rest.JSON(listTickets, rest.Doc("Tickets, newest first.")))
	c.Handle("POST /api/tickets", rest.Guests, rest.JSON(createTicket, rest.Status(http.StatusCreated)))
	c.Handle("POST /api/attachments", rest.Requesters, rest.Describe(rest.Func(upload),
		rest.Doc("Upload a file."), rest.Limit(64), rest.Takes("application/octet-stream"), rest.Gives("text/plain")))
	(&snooze{}).register(table.Owner("snooze"))
	audit := table.Owner("audit")
	audit.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Audited", rest.RouteFrom(r.Context()).Pattern())
			next.ServeHTTP(w, r)
		})
	})
	if err := table.Err(); err != nil {
		t.Fatal(err)
	}
	return table
}

// page is embedded by the inputs of lists.
type page struct {
	Limit  int    `query:"limit" default:"25" min:"1" max:"100" doc:"how many"`
	Cursor string `query:"cursor" max:"200"`
}

type listInput struct {
	page
	Extra url.Values `query:"*"`
}

type ticketList struct {
	Tickets []string `json:"tickets"`
	Extra   string   `json:"extra,omitempty"`
}

func listTickets(_ context.Context, in listInput) (ticketList, error) {
	return ticketList{Tickets: []string{}, Extra: in.Extra.Encode()}, nil
}

type newTicket struct {
	Subject string  `json:"subject" min:"1" max:"20"`
	Urgent  bool    `json:"urgent,omitempty"`
	Weight  float64 `json:"weight,omitempty" default:"1.5" max:"1000000"`
	Small   int8    `json:"small,omitempty"`
}

type ticket struct {
	By      string  `json:"by"`
	Subject string  `json:"subject"`
	Weight  float64 `json:"weight"`
}

func createTicket(ctx context.Context, in newTicket) (ticket, error) {
	switch in.Subject {
	case "veto":
		return ticket{}, fmt.Errorf("Ticket.Create: %w", errVeto)
	case "conflict":
		return ticket{}, &rest.Error{Kind: rest.Conflict, Message: "changed meanwhile", Changes: []string{"status"}}
	case "wait":
		return ticket{}, &rest.Error{Kind: rest.TooMany, Message: "slowly", RetryAfter: 1500 * time.Millisecond}
	case "driver":
		return ticket{}, errors.New(`pq: relation "secrets" does not exist`)
	}
	name, _ := ctx.Value(personKey{}).(string) // absent: nobody
	return ticket{name, in.Subject, in.Weight}, nil
}

func upload(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = fmt.Fprintf(w, "%d raw bytes", len(raw))
	}
	return err
}

// snooze is what a plugin author writes.
type snooze struct{}

func (p *snooze) register(o *rest.Owner) {
	o.Handle("PUT /api/tickets/{id}/snooze", rest.Agents, rest.JSON(p.put, rest.Doc("Snooze a ticket.")))
	o.Handle("DELETE /api/tickets/{id}/snooze", rest.Agents, rest.JSON(p.delete))
	o.Handle("POST /api/tickets/{id}/wake", rest.Agents, rest.JSON(p.delete))
	o.Handle("GET /api/snoozes", rest.Agents, rest.JSON(p.list))
	o.Handle("PATCH /api/snoozes/{id}", rest.Agents.Needing("snooze:edit"), rest.JSON(p.patch))
	o.Handle("GET /api/snoozes/{id}/notes/{note}", rest.Agents, rest.JSON(p.note))
	o.Handle("GET /api/snoozes/stream", rest.Requesters, rest.Stream(p.stream, rest.Gives("text/event-stream")))
	o.Handle("POST /api/snoozes/hook", rest.Public, rest.Describe(rest.Func(upload), rest.AnyOrigin(), rest.Takes("*/*")))
	o.Handle("/plugins/snooze/{path...}", rest.Public, http.HandlerFunc(p.proxy))
	o.Query("GET /api/tickets", "snoozed", true, "only those that are put off, or only others")
	o.Query("GET /api/tickets", "reason", []reason{}, "why they are put off")
}

// snoozed is one ticket put off.
type snoozed struct {
	TicketID int64          `json:"ticket_id"`
	Until    time.Time      `json:"until"`
	Reason   reason         `json:"reason,omitempty"`
	Note     *string        `json:"note"`
	Next     *snoozed       `json:"next,omitempty" doc:"the one after it"`
	Tags     []string       `json:"tags"`
	Counts   map[string]int `json:"counts,omitempty"`
}

// ETag is the version of the row.
func (s snoozed) ETag() string { return fmt.Sprintf(`"%d"`, s.TicketID) }

// reason is why.
type reason string

// Values lists the reasons.
func (reason) Values() []string { return []string{"waiting", "later"} }

// level is a number with names, as a status is.
type level int

// Schema says that both go.
func (level) Schema() rest.Schema {
	lo, hi := 0.0, 1.0
	return rest.Schema{AnyOf: []*rest.Schema{{Type: "string", Enum: []string{"low", "high"}}, {Type: "integer", Minimum: &lo, Maximum: &hi}}}
}

// MarshalText writes the name.
func (l level) MarshalText() ([]byte, error) { return []byte([]string{"low", "high"}[l]), nil }

// UnmarshalJSON takes name and number.
func (l *level) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"low"`, "0":
		*l = 0
	case `"high"`, "1":
		*l = 1
	default:
		return rest.Errorf(rest.Invalid, "must be low (0) or high (1)")
	}
	return nil
}

type putSnooze struct {
	TicketID int64     `path:"id" min:"1"`
	Match    string    `header:"If-Match" max:"10"`
	Until    time.Time `json:"until" doc:"in the future, at most a year ahead"`
	Reason   reason    `json:"reason,omitempty"`
	Repeat   struct {
		Times int `json:"times" max:"10"`
	} `json:"repeat,omitzero"`
	Level *level `json:"level,omitempty"`
}

func (p *snooze) put(_ context.Context, in putSnooze) (snoozed, error) {
	if in.Until.Before(noon()) {
		return snoozed{}, rest.InvalidField("until", "must be after %s", noon().Format(time.DateOnly))
	}
	return snoozed{TicketID: in.TicketID, Until: in.Until, Reason: in.Reason, Tags: []string{}}, nil
}

type oneTicket struct {
	TicketID int64 `path:"id"`
}

func (p *snooze) delete(_ context.Context, in oneTicket) (rest.None, error) {
	switch in.TicketID {
	case 404:
		return rest.None{}, rest.Errorf(rest.NotFound, "no ticket %d", in.TicketID)
	case 500:
		panic("a bug")
	}
	return rest.None{}, nil
}

type listSnoozes struct {
	page
	Reason []reason   `query:"reason" max:"3"`
	After  *time.Time `query:"after"`
	Level  level      `query:"level"`
	Deep   bool       `query:"deep"`
}

// list is a page of T.
type list[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"`
	Limit      int     `json:"limit"`
}

func (p *snooze) list(_ context.Context, in listSnoozes) (list[snoozed], error) {
	out := list[snoozed]{Items: []snoozed{}, Limit: in.Limit}
	for i, r := range in.Reason {
		out.Items = append(out.Items, snoozed{TicketID: int64(i), Until: noon(), Reason: r, Tags: []string{}})
	}
	return out, nil
}

type patchSnooze struct {
	ID   string                `path:"id"`
	Note rest.Maybe[string]    `json:"note,omitzero" min:"1" max:"5"`
	When rest.Maybe[time.Time] `json:"when,omitzero"`
	Tags *[]string             `json:"tags,omitempty" max:"2"`
	Mode string                `json:"mode,omitempty" default:"soft"`
}

type patched struct {
	ID   string `json:"id"`
	Note string `json:"note"`
	Tags int    `json:"tags"`
	Mode string `json:"mode"`
}

func (p *snooze) patch(_ context.Context, in patchSnooze) (patched, error) {
	out := patched{ID: in.ID, Note: "kept", Tags: -1, Mode: in.Mode}
	switch {
	case in.Note.Set && in.Note.Value == nil:
		out.Note = "cleared"
	case in.Note.Set:
		out.Note = "set to " + *in.Note.Value
	}
	if in.Tags != nil {
		out.Tags = len(*in.Tags)
	}
	return out, nil
}

func (p *snooze) note(_ context.Context, in struct {
	ID   string `path:"id"`
	Note uint16 `path:"note"`
}) (string, error) {
	return fmt.Sprint(in.ID, " ", in.Note), nil
}

type streamInput struct {
	After int64 `query:"after"`
	Gone  bool  `query:"gone"`
	Die   bool  `query:"die" doc:"after the first event"`
	Early bool  `query:"early" doc:"before it"`
}

func (p *snooze) stream(w http.ResponseWriter, _ *http.Request, in streamInput) error {
	switch {
	case in.Gone:
		return rest.Errorf(rest.NotFound, "nothing here")
	case in.Early:
		panic("before the first byte")
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range int64(2) {
		fmt.Fprintf(w, "id: %d\ndata: {}\n\n", in.After+i)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		if in.Die {
			return errors.New("half way")
		}
	}
	return nil
}

func (p *snooze) proxy(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.RawQuery, "panic") {
		panic("a bug")
	}
	fmt.Fprintf(w, "%s %q", r.Method, r.PathValue("path"))
}

package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerEvents(o *rest.Owner) {
	o.Handle("GET /api/events", core.Guests, rest.Stream(a.events, rest.Gives("text/event-stream"), rest.Answers[eventList](),
		doc("What happens, as you may see it: as Server-Sent Events to who accepts text/event-stream, else as JSON. "+
			"A stream goes on from Last-Event-ID; its event \"resync\" says that too much was missed: read everything again.")))
}

type events struct {
	After string `query:"after" max:"20" doc:"the place to go on from: last of the answer before; 0 is the oldest that is kept; default: now"`
	Wait  pause  `query:"wait" doc:"for JSON: how long to wait for something, at most 60s"`
	Seen  string `header:"Last-Event-ID" doc:"for streams: as after"` //nolint:tagliatelle // the standard's name
}

// pause is a duration such as 25s.
type pause time.Duration

// UnmarshalText reads a duration that is not negative.
func (p *pause) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return core.Errorf(core.Invalid, "must be a duration such as 25s")
	}
	*p = pause(d)
	return nil
}

// Schema describes the form.
func (pause) Schema() rest.Schema { return rest.Schema{Type: "string"} }

type eventList struct {
	Events []core.FeedItem `json:"events"`
	Last   int64           `json:"last" doc:"the place to go on from"`
	Resync bool            `json:"resync,omitempty" doc:"the place is not known any more: read everything again"`
}

func (a *api) events(w http.ResponseWriter, r *http.Request, in events) error {
	after, known, err := in.place()
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		// A browser cannot be told what is wrong with its Last-Event-ID; it is told to read anew.
		return a.desk.Feed.Stream(w, r, after, err != nil || !known && in.Seen != "")
	}
	if err != nil {
		return err
	}
	end, err := a.desk.Feed.End(r.Context())
	if err != nil {
		return err
	}
	resync := known && after > end // of another database, or of one that was put back
	if !known || resync {
		after = end
	}
	items, last, err := a.desk.Feed.Read(r.Context(), after, time.Duration(in.Wait))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(eventList{list(items), last, resync})
}

// place is where to go on from; -1, and false, is now.
func (in events) place() (after int64, known bool, err error) {
	text := in.Seen
	if in.After != "" {
		text = in.After
	}
	if text == "" {
		return -1, false, nil
	}
	after, err = strconv.ParseInt(text, 10, 64)
	if err != nil || after < 0 {
		return -1, false, core.InvalidField("after", "must be the last of an answer before, or 0")
	}
	return after, true, nil
}

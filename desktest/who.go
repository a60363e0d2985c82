package desktest

import (
	"net/http"
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

// Who is somebody who calls the desk. The ones below are enough for most
// tests; make others by their Identity.
type Who struct{ core.Identity }

// The people of every test. They never change.
var (
	Anonymous = Who{core.Identity{}}
	Customer  = Who{core.Identity{UserID: "customer", Name: "Carla Customer", Email: "carla@example.com", Role: core.Requester,
		Locale: "en-GB", TimeZone: "Europe/Zurich"}}
	Stranger = Who{core.Identity{UserID: "stranger", Name: "Stefan Stranger", Email: "stefan@example.org", Role: core.Requester,
		Locale: "de-DE", TimeZone: "Europe/Berlin"}}
	Agent = Who{core.Identity{UserID: "agent", Name: "Anna Agent", Email: "anna@desk.example", Role: core.Agent,
		Locale: "en-GB", TimeZone: "Europe/Zurich"}}
	Colleague = Who{core.Identity{UserID: "colleague", Name: "Colin Colleague", Email: "colin@desk.example", Role: core.Agent,
		Locale: "en-US", TimeZone: "America/New_York"}}
	Admin = Who{core.Identity{UserID: "admin", Name: "Ada Admin", Email: "ada@desk.example", Role: core.Admin,
		Locale: "en-GB", TimeZone: "Europe/Zurich"}}
)

// The headers by which the desk of a test knows its callers.
const (
	userHeader   = "X-User"
	nameHeader   = "X-Name"
	emailHeader  = "X-Email"
	roleHeader   = "X-Role"
	rightsHeader = "X-Rights" // with commas between
	localeHeader = "X-Locale"
	zoneHeader   = "X-Time-Zone"
)

// Header makes a request to Desk.Handler one of w, for clients of your own,
// such as one that reads a stream from an httptest.Server.
func (w Who) Header() http.Header {
	h := http.Header{}
	if w.UserID == "" {
		return h
	}
	h.Set(userHeader, w.UserID)
	h.Set(nameHeader, w.Name)
	h.Set(emailHeader, w.Email)
	h.Set(roleHeader, w.Role.String())
	h.Set(rightsHeader, strings.Join(w.Rights, ","))
	h.Set(localeHeader, w.Locale)
	h.Set(zoneHeader, w.TimeZone)
	return h
}

// identify is the Config.Identify of every desk of a test.
func identify(r *http.Request) (core.Identity, error) {
	id := core.Identity{
		UserID: r.Header.Get(userHeader), Name: r.Header.Get(nameHeader), Email: r.Header.Get(emailHeader),
		Locale: r.Header.Get(localeHeader), TimeZone: r.Header.Get(zoneHeader),
	}
	if id.UserID == "" {
		return core.Identity{}, nil
	}
	if role := r.Header.Get(roleHeader); role != "" {
		if err := id.Role.UnmarshalText([]byte(role)); err != nil {
			return core.Identity{}, err
		}
	}
	if rights := r.Header.Get(rightsHeader); rights != "" {
		id.Rights = strings.Split(rights, ",")
	}
	return id, nil
}

package core

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hookdesk/hookdesk/rest"
)

// enter tells the route table who is calling, and puts the actor into the
// context of the handler.
func (d *Desk) enter(r *http.Request) (context.Context, rest.Caller, error) {
	a, inside, err := d.insider(r)
	if !inside {
		a, err = d.Identify(r)
	}
	if err != nil {
		return r.Context(), nil, err
	}
	return As(r.Context(), a), a, nil
}

// originOf is the origin of the desk's own address, which may write to it.
func originOf(base string) []string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}

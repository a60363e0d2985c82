// Package nethttp mounts a desk on an http.ServeMux, and through it on any
// router that takes an http.Handler.
package nethttp

import (
	"net/http"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
)

// Mount adds every route of the desk to mux below prefix, such as "/support"
// or "". It panics like mux.Handle when the host has the same route.
func Mount(mux *http.ServeMux, prefix string, d *core.Desk) {
	for _, route := range api.Routes(d) {
		for _, method := range route.Methods() {
			if method != http.MethodHead { // GET serves it
				mux.Handle(method+" "+prefix+route.Path, route)
			}
		}
	}
}

// Handler serves the desk to any other router, which hands it every request
// below prefix with the path as it came: behind http.StripPrefix the redirects
// of ServeMux would lose the prefix.
func Handler(prefix string, d *core.Desk) http.Handler {
	mux := http.NewServeMux()
	Mount(mux, prefix, d)
	return mux
}

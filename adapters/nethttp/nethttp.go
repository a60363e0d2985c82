// Package nethttp mounts a desk on an http.ServeMux, and through it on any
// router that takes an http.Handler.
package nethttp

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
)

// Mount adds every route of the desk to mux below prefix, such as "/support"
// or "". It panics on a prefix that is no plain path, and like mux.Handle when the
// host has the same route.
func Mount(mux *http.ServeMux, prefix string, d *core.Desk) {
	prefix = strings.TrimRight(prefix, "/")
	if prefix != "" && !strings.HasPrefix(prefix, "/") || strings.ContainsAny(prefix, "{} ") {
		panic(fmt.Sprintf("nethttp: the prefix %q is no path such as /support", prefix)) //nolint:forbidigo // a programmer's mistake, found at start
	}
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

// Package chi mounts a desk on a chi router.
package chi

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
)

// Mount adds every route of the desk to r, which may be a sub-router:
//
//	r.Route("/support", func(r chi.Router) { deskchi.Mount(r, desk) })
func Mount(r chi.Router, d *core.Desk) {
	for _, route := range api.Routes(d) {
		path, last, rest := route.Path, "", strings.HasSuffix(route.Path, "...}")
		if rest {
			last = route.Wildcards[len(route.Wildcards)-1]
			path = strings.TrimSuffix(path, "{"+last+"...}") + "*"
		}
		serve := func(w http.ResponseWriter, req *http.Request) {
			if rest {
				req.SetPathValue(last, chi.URLParam(req, "*"))
			}
			route.Unescape(req)
			route.ServeHTTP(w, req)
		}
		for _, method := range route.Methods() {
			r.MethodFunc(method, path, serve)
		}
	}
}

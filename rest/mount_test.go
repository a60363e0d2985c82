package rest_test

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/uptrace/bunrouter"

	"github.com/hookdesk/hookdesk/rest"
)

// mountMux adds every row to mux below prefix ("/support" or ""). It panics
// like mux.Handle when the host has the same route.
func mountMux(mux *http.ServeMux, prefix string, t *rest.Table) {
	for _, rt := range t.Routes() {
		for _, method := range rt.Methods() {
			if method != http.MethodHead { // GET serves it
				mux.Handle(method+" "+prefix+rt.Path, rt)
			}
		}
	}
}

// muxHandler serves the table to any other router, which hands it every
// request below prefix with the path as it came: behind http.StripPrefix the
// redirects of ServeMux would lose the prefix.
func muxHandler(prefix string, t *rest.Table) http.Handler {
	mux := http.NewServeMux()
	mountMux(mux, prefix, t)
	return mux
}

// mountChi adds every row to r, which may be a sub-router.
func mountChi(r chi.Router, t *rest.Table) {
	for _, rt := range t.Routes() {
		path, last, rest := rt.Path, "", strings.HasSuffix(rt.Path, "...}")
		if rest {
			last = rt.Wildcards[len(rt.Wildcards)-1]
			path = strings.TrimSuffix(path, "{"+last+"...}") + "*"
		}
		h := func(w http.ResponseWriter, req *http.Request) {
			if rest {
				req.SetPathValue(last, chi.URLParam(req, "*"))
			}
			rt.Unescape(req)
			rt.ServeHTTP(w, req)
		}
		for _, method := range rt.Methods() {
			r.MethodFunc(method, path, h)
		}
	}
}

// mountBun adds every row to g.
func mountBun(g *bunrouter.Group, t *rest.Table) {
	native := strings.NewReplacer("{", ":", "...}", "", "}", "")
	for _, rt := range t.Routes() {
		path := native.Replace(rt.Path)
		if strings.HasSuffix(rt.Path, "...}") {
			i := strings.LastIndex(path, ":")
			path = path[:i] + "*" + path[i+1:]
		}
		h := func(w http.ResponseWriter, req bunrouter.Request) error {
			for _, name := range rt.Wildcards {
				req.SetPathValue(name, req.Param(name))
			}
			rt.Unescape(req.Request)
			rt.ServeHTTP(w, req.Request)
			return nil
		}
		for _, method := range rt.Methods() {
			g.Handle(method, path, h)
		}
	}
}

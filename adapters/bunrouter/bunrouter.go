// Package bunrouter mounts a desk on a bunrouter group.
package bunrouter

import (
	"net/http"
	"strings"

	"github.com/uptrace/bunrouter"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/core/api"
)

// Mount adds every route of the desk to g, such as router.NewGroup("/support").
func Mount(g *bunrouter.Group, d *core.Desk) {
	native := strings.NewReplacer("{", ":", "...}", "", "}", "")
	for _, route := range api.Routes(d) {
		path := native.Replace(route.Path)
		if strings.HasSuffix(route.Path, "...}") {
			i := strings.LastIndex(path, ":")
			path = path[:i] + "*" + path[i+1:]
		}
		serve := func(w http.ResponseWriter, req bunrouter.Request) error {
			for _, name := range route.Wildcards {
				req.SetPathValue(name, req.Param(name))
			}
			route.Unescape(req.Request)
			route.ServeHTTP(w, req.Request)
			return nil
		}
		for _, method := range route.Methods() {
			g.Handle(method, path, serve)
		}
	}
}

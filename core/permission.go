package core

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Process is a plugin's own process, as the replica that is asked sees it.
type Process struct {
	State     string `json:"state" doc:"starting, ready, degraded, draining, backoff, quarantined or stopped"`
	PID       int    `json:"pid" doc:"0: there is none"`
	Since     *Time  `json:"since" doc:"of the state"`
	Restarts  int    `json:"restarts" doc:"since the desk started"`
	LastError string `json:"last_error" doc:"why it last ended, or was called unavailable"`
	SHA256    string `json:"sha256" doc:"of the binary that runs"`
}

// Supervised is a Plugin that runs in a process of its own.
type Supervised interface{ Process() Process }

var permissionForm = regexp.MustCompile(`^[a-z][a-z0-9-]*:(read|write)$`)

// faultyPermission is the first that has not the form of one.
func faultyPermission(list []string) string {
	for _, p := range list {
		if !permissionForm.MatchString(p) {
			return p
		}
	}
	return ""
}

// permissionFor is what a plugin needs to call a route: the first part of its path
// below /api, and whether it reads or writes.
func permissionFor(method, path string) string {
	area, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/"), "/")
	if method == http.MethodGet || method == http.MethodHead {
		return area + ":read"
	}
	return area + ":write"
}

type insiderKey struct{}

// API implements Host.
func (h *host) API() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if ActorFrom(ctx).Plugin != h.id { // what reacts to an event keeps its cause
			ctx = h.As(ctx)
		}
		h.d.rest.ServeHTTP(w, r.WithContext(context.WithValue(ctx, insiderKey{}, h)))
	})
}

// insider is the plugin that asks by Host.API, if it is one; it fails when its
// manifest does not name what it wants to do.
func (d *Desk) insider(r *http.Request) (Actor, bool, error) {
	h, ok := r.Context().Value(insiderKey{}).(*host)
	if !ok {
		return Actor{}, false, nil
	}
	if route := d.rest.Match(r.Method, r.URL.RequestURI()); route != nil {
		if need := permissionFor(r.Method, route.Path); !slices.Contains(h.manifest.Permissions, need) {
			return Actor{}, true, &Error{Kind: Forbidden, Code: "permission", Message: "plugin " + h.id + " has no permission " + need}
		}
	}
	return ActorFrom(r.Context()), true, nil
}

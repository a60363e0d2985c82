package rest

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"sync/atomic"
)

// Route is one row of the table: an http.Handler that finds its path values
// by r.PathValue, under whatever prefix and in whatever router.
type Route struct {
	Method    string   // "" is every method
	Path      string   // as for http.ServeMux, without the host's prefix
	Wildcards []string // the names in Path, in order
	Policy    Policy
	Owner     string // "core" or the plugin's id

	id    string // operationId
	table *Table
	owner *Owner
	op    *operation
	extra atomic.Pointer[[]*query]
}

// Pattern is the row as it was registered, such as "GET /api/tickets/{id}".
func (rt *Route) Pattern() string {
	if rt.Method == "" {
		return rt.Path
	}
	return rt.Method + " " + rt.Path
}

// Doc is the sentence that OpenAPI shows.
func (rt *Route) Doc() string { return rt.op.doc }

// AnyOrigin tells whether browsers may call the row from other sites.
func (rt *Route) AnyOrigin() bool { return rt.op.anyOrigin }

// ServeHTTP is the one way into every handler, whatever router found it.
func (rt *Route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l := rt.table.first.Load(); l != nil {
		l.ServeHTTP(w, withRoute(r, rt))
		return
	}
	rt.serve(w, r)
}

func (rt *Route) serve(w http.ResponseWriter, r *http.Request) {
	rt.owner.busy.Add(1)
	defer rt.owner.busy.Add(-1)
	if !rt.op.typed {
		w = track(w)
	}
	defer func() {
		if p := recover(); p != nil {
			rt.panicked(w, r, p)
		}
	}()
	if err := rt.handle(w, r); err != nil {
		rt.fail(w, r, err)
	}
}

func (rt *Route) handle(w http.ResponseWriter, r *http.Request) error {
	if rt.owner.off.Load() {
		return nothingHere()
	}
	if !rt.op.anyOrigin && rt.table.origin.Check(r) != nil {
		return &Error{Kind: Forbidden, Message: "not from another site"}
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &patientBody{r.Body, http.NewResponseController(w), bodyPause}
	}
	c := call{rt: rt, w: w, r: r}
	ctx, err := c.admit()
	if err != nil {
		return err
	}
	if rt.op.limit > 0 && rt.op.body == nil {
		r.Body = http.MaxBytesReader(w, r.Body, rt.op.limit)
	}
	return rt.op.serve(ctx, &c)
}

func everyMethod() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

// Methods lists the methods to mount the row for: GET with HEAD, and each one
// for a row without a method, as ServeMux calls "/a/{rest...}" and a host's
// "GET /" a conflict, and not every router knows "any". A ServeMux must not be
// given HEAD, which its GET serves.
func (rt *Route) Methods() []string {
	switch rt.Method {
	case "":
		return everyMethod()
	case http.MethodGet:
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{rt.Method}
}

// Unescape makes path values that a router cut from r.URL.RawPath what
// ServeMux makes them. They may hold "/" and "..".
func (rt *Route) Unescape(r *http.Request) {
	if r.URL.RawPath == "" {
		return
	}
	for _, name := range rt.Wildcards {
		if v, err := url.PathUnescape(r.PathValue(name)); err == nil {
			r.SetPathValue(name, v)
		}
	}
}

// CheckAnswer walks the body of a 2xx answer through the schema that OpenAPI
// shows, for tests: a null where an array is promised, a key that is missing
// or not documented. Of rows that are not typed it knows nothing, so nothing
// is wrong.
func (rt *Route) CheckAnswer(body []byte) error {
	switch {
	case !rt.op.typed:
		return nil
	case rt.op.out == nil && len(bytes.TrimSpace(body)) > 0:
		return errors.New("an answer without content has a body")
	case rt.op.out == nil:
		return nil
	}
	tree, err := parse(body)
	if err != nil {
		return err
	}
	d := &decoder{}
	d.set(rt.op.out, tree, reflect.ValueOf(rt.op.answer()).Elem(), "")
	if d.bad != nil {
		return &Error{Kind: Fault, Message: "the answer is not what " + cmp.Or(rt.id, rt.Pattern()) + " promises", Fields: d.bad}
	}
	return nil
}

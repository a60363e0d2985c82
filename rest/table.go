package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Options is what a table needs from the desk around it. The zero value
// works: everybody is nobody, and only Public rows answer.
type Options struct {
	// Identify says who is calling; the context it returns is the one that
	// handlers get. Its error, if it is an Error, is shown, and any other is
	// logged and shown as Unauthenticated; it may panic. On Public rows the
	// caller is then nobody.
	Identify func(*http.Request) (context.Context, Caller, error)
	// Translate makes an Error of errors that this package does not know. It
	// sees every error first; nil keeps the error.
	Translate func(error) error
	// Receipts heeds the header Idempotency-Key. Nil: it is ignored.
	Receipts Receipts

	Log            *slog.Logger // nil: slog.Default()
	Title, Version string       // of the OpenAPI document; "": Hookdesk, 1
	MaxBody        int64        // bytes of a JSON body; 0: 1 MiB
	TrustedOrigins []string     // other sites that may write, as scheme://host[:port]
}

// Table holds the rows of a desk: those of the core and of all plugins.
// Registration and reading may run at once.
type Table struct {
	opts   Options
	origin *http.CrossOriginProtection
	gen    atomic.Uint64         // raised by whatever changes the document
	first  atomic.Pointer[layer] // the outermost middleware
	doc    atomic.Pointer[edition]

	mu     sync.RWMutex // guards what follows
	owners []*Owner
	routes []*Route
	layers []*layer
	mux    *http.ServeMux // finds conflicts, and rows by path; the host's own router serves
	book   *book
	errs   []error
}

// core is the owner that is always on.
const core = "core"

// New makes a table with the rows that every desk has: the OpenAPI document,
// its page for people, and an answer for all of /api that no row serves.
// What is wrong with opts is reported by Err.
func New(opts Options) *Table {
	opts.Title, opts.Version = cmp.Or(opts.Title, "Hookdesk"), cmp.Or(opts.Version, "1")
	opts.MaxBody = cmp.Or(opts.MaxBody, 1<<20)
	if opts.Log == nil {
		opts.Log = slog.Default() //nolint:forbidigo // the default of an option
	}
	t := &Table{opts: opts, origin: http.NewCrossOriginProtection(), mux: http.NewServeMux(), book: newBook()}
	for _, site := range opts.TrustedOrigins {
		if err := t.origin.AddTrustedOrigin(site); err != nil {
			t.errs = append(t.errs, fmt.Errorf("trusted origins: %w", err))
		}
	}
	o := t.Owner(core)
	o.Handle("GET /api/openapi.json", Public, Describe(Func(t.serveOpenAPI), Doc("This document."), Gives("application/json")))
	o.Handle("GET /api/docs", Public, Describe(Func(t.serveDocs), Doc("This document as a page."), Gives("text/html")))
	o.Handle("/api/{rest...}", Public, Func(t.catchAll))
	return t
}

// Owner returns the owner of that id, a new one at first: "core" or a plugin.
func (t *Table) Owner(id string) *Owner {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.owners {
		if o.ID == id {
			return o
		}
	}
	o := &Owner{ID: id, table: t}
	t.owners = append(t.owners, o)
	return o
}

// Routes returns the rows in order of registration, for adapters.
func (t *Table) Routes() []*Route {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clone(t.routes)
}

// Err reports everything that is wrong with what was registered, not only the
// first; each line names plugin and route.
func (t *Table) Err() error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	errs := slices.Clone(t.errs)
	for _, o := range t.owners {
		errs = append(errs, o.err())
	}
	return errors.Join(errs...)
}

// RowErr is Err without the query names whose rows have not come yet: for a
// desk that starts its plugins before the core's rows are mounted.
func (t *Table) RowErr() error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	errs := slices.Clone(t.errs)
	for _, o := range t.owners {
		errs = append(errs, o.errs...)
	}
	return errors.Join(errs...)
}

// Match finds the row for a method and a path below the host's prefix, such
// as "/api/tickets/7?limit=1", on or off; nil if there is none.
func (t *Table) Match(method, path string) *Route {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	h, _ := t.mux.Handler(&http.Request{Method: method, URL: u})
	rt, _ := h.(*Route) // ServeMux's own 404, 405 or redirect: no row
	return rt
}

// ServeHTTP serves the rows without a router around them and without a prefix: for
// whoever calls from within.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.RLock()
	mux := t.mux
	t.mu.RUnlock()
	mux.ServeHTTP(w, r)
}

// List is one line for each row, "METHOD path policy owner" with tabs, sorted
// by path: kept as a file, it makes each change of rights visible in review.
func (t *Table) List() string {
	lines := []string{}
	for _, rt := range t.Routes() {
		line := fmt.Sprintf("%s\t%s\t%v\t%s", cmp.Or(rt.Method, "*"), rt.Path, rt.Policy, rt.Owner)
		if rt.op.anyOrigin {
			line += "\tany origin"
		}
		lines = append(lines, line+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int {
		methodA, restA, _ := strings.Cut(a, "\t")
		methodB, restB, _ := strings.Cut(b, "\t")
		return cmp.Or(strings.Compare(restA, restB), strings.Compare(methodA, methodB))
	})
	return strings.Join(lines, "")
}

// catchAll answers what no other row of /api does: 405 with Allow if other
// methods would be served, else 404.
func (t *Table) catchAll(w http.ResponseWriter, r *http.Request) error {
	at, allow := escaped(r), []string(nil)
	for _, m := range everyMethod() {
		if rt := t.Match(m, at); rt != nil && rt.Method != "" && !rt.owner.off.Load() {
			allow = append(allow, m)
		}
	}
	if allow == nil {
		return nothingHere()
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return &Error{Kind: NoMethod, Message: "not by this method"}
}

// escaped is the path below the host's prefix as it came, for the catch-all.
func escaped(r *http.Request) string {
	path, rest := r.URL.EscapedPath(), r.PathValue("rest")
	for i := range path {
		if tail, ok := strings.CutPrefix(path[i:], "/api/"); ok {
			if v, err := url.PathUnescape(tail); err == nil && v == rest {
				return path[i:]
			}
		}
	}
	return (&url.URL{Path: "/api/" + rest}).EscapedPath()
}

package desktest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core/api"
)

// Response is what the desk answered.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	t       testing.TB
	request string
}

// Do makes a request as who, such as "POST /api/tickets". A body that is a
// string, a []byte or an io.Reader goes as it is, nil is none, and all else
// becomes JSON. A good answer of a typed route is held to the schema that the
// route promises.
func (d *Desk) Do(who Who, request string, body any) *Response {
	d.t.Helper()
	return d.DoWith(who, request, body, nil)
}

// DoWith is Do with more headers. They win over those that Do sets; one without
// a value is left out.
func (d *Desk) DoWith(who Who, request string, body any, headers http.Header) *Response {
	d.t.Helper()
	return d.send(context.Background(), who, request, body, headers)
}

func (d *Desk) send(ctx context.Context, who Who, request string, body any, headers http.Header) *Response {
	d.t.Helper()
	method, path, found := strings.Cut(request, " ")
	if !found || !strings.HasPrefix(path, "/") {
		d.t.Fatalf("desktest: %q is not of the form METHOD /path", request)
	}
	r := httptest.NewRequestWithContext(ctx, method, Prefix+path, d.reader(body))
	r.Header = who.Header()
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range headers {
		if r.Header.Del(name); len(values) > 0 {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	w := httptest.NewRecorder()
	pprof.Do(r.Context(), pprof.Labels("desktest", d.label), func(ctx context.Context) {
		d.Handler.ServeHTTP(w, r.WithContext(ctx))
	})
	resp := &Response{w.Code, maps.Clone(w.Header()), w.Body.Bytes(), d.t, request}
	d.check(resp, method, path)
	return resp
}

func (d *Desk) reader(body any) io.Reader {
	d.t.Helper()
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(body)
	case []byte:
		return bytes.NewReader(body)
	case io.Reader:
		return body
	}
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	return bytes.NewReader(text)
}

// check holds a good answer to what its route promises.
func (d *Desk) check(r *Response, method, path string) {
	d.t.Helper()
	if r.Status < 200 || r.Status > 299 || method == http.MethodHead {
		return
	}
	table, err := api.Table(d.Desk)
	if err != nil {
		d.t.Fatal(err)
	}
	if route := table.Match(method, path); route != nil {
		if err := route.CheckAnswer(r.Body); err != nil {
			d.t.Errorf("%s: %v\n%s", r.request, err, r.Body)
		}
	}
}

// Want fails the test when the status is another.
func (r *Response) Want(status int) *Response {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: want %d", r, status)
	}
	return r
}

// JSON reads the body into a pointer, and fails the test when it does not fit.
func (r *Response) JSON(into any) *Response {
	r.t.Helper()
	if err := json.Unmarshal(r.Body, into); err != nil {
		r.t.Fatalf("%s: %v", r, err)
	}
	return r
}

// String is the answer in a line.
func (r *Response) String() string { return fmt.Sprintf("%s: %d %s", r.request, r.Status, r.Body) }

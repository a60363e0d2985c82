package rest

import (
	"context"
	"errors"
	"net/http"
	"reflect"
)

// Option adjusts a typed or described row.
type Option func(*operation)

// Status answers with code, a 2xx, instead of 200.
func Status(code int) Option { return func(o *operation) { o.status = code } }

// Limit is the greatest size of the body in bytes, instead of Options.MaxBody;
// of a row that reads the body itself, too.
func Limit(n int64) Option { return func(o *operation) { o.limit = n } }

// Doc is the sentence that OpenAPI and the docs page show.
func Doc(sentence string) Option { return func(o *operation) { o.doc = sentence } }

// Takes names the media types of a body that the handler reads itself.
func Takes(media ...string) Option { return func(o *operation) { o.takes = media } }

// Gives names the media types of an answer that the handler writes itself.
func Gives(media ...string) Option { return func(o *operation) { o.gives = media } }

// Answers describes the JSON that the handler writes itself, beside what it gives.
func Answers[T any]() Option { return func(o *operation) { o.shown = reflect.TypeFor[T]() } }

// Form is Takes for a form with one file in it, the part of that name.
func Form(part string) Option {
	return func(o *operation) {
		o.takes = []string{"multipart/form-data"}
		o.form = &Schema{Type: "object", Required: []string{part}, Properties: map[string]*Schema{part: {Type: "string", Format: "binary"}}}
	}
}

// AnyOrigin lets browsers call an unsafe row from other sites. It is for rows
// that trust no cookie or that check the origin themselves.
func AnyOrigin() Option { return func(o *operation) { o.anyOrigin = true } }

// Func is a raw handler that may return an error: as long as it has written
// nothing, the caller sees it as a problem; later, it cuts the connection.
type Func func(http.ResponseWriter, *http.Request) error

// ServeHTTP is not used: Handle knows a Func.
func (f Func) ServeHTTP(http.ResponseWriter, *http.Request) {
	panic("rest.Func serves only through Owner.Handle")
}

type described struct {
	http.Handler
	opts []Option
}

// Describe adds a raw handler to OpenAPI, by Doc, Takes, Gives and Status. See
// Stream for one with typed parameters.
func Describe(h http.Handler, opts ...Option) http.Handler { return &described{h, opts} }

// takeShown describes what the handler says that it writes.
func (op *operation) takeShown(b *book) (err error) {
	if op.shown != nil {
		op.shape, err = b.of(op.shown)
	}
	return err
}

var errNoHandler = errors.New("no handler")

func newOperation(opts []Option) *operation {
	op := &operation{}
	for _, o := range opts {
		o(op)
	}
	return op
}

// bindHandler makes an operation of whatever Handle was given.
func bindHandler(rt *Route, b *book, h http.Handler) (*operation, error) {
	switch h := h.(type) {
	case nil:
		return nil, errNoHandler
	case interface {
		bind(*Route, *book) (*operation, error)
	}:
		return h.bind(rt, b)
	case *described:
		return h.bindRaw(rt, b)
	case Func:
		if h == nil {
			return nil, errNoHandler
		}
		op := newOperation(nil)
		op.serve = func(ctx context.Context, c *call) error { return h(c.w, c.r.WithContext(ctx)) }
		return op, nil
	}
	op := newOperation(nil)
	op.serve = func(ctx context.Context, c *call) error {
		h.ServeHTTP(c.w, c.r.WithContext(ctx))
		return nil
	}
	return op, nil
}

func (h *described) bindRaw(rt *Route, b *book) (*operation, error) {
	raw, err := bindHandler(rt, b, h.Handler)
	if err != nil {
		return nil, err
	}
	if raw.listed {
		return nil, errors.New("give the options to the typed handler itself")
	}
	if rt.Method == "" {
		return nil, errors.New("a typed or described row needs a method")
	}
	op := newOperation(h.opts)
	op.listed, op.serve = true, raw.serve
	if err := op.takeShown(b); err != nil {
		return nil, err
	}
	for _, name := range rt.Wildcards {
		op.params = append(op.params, param{in: "path", name: name, must: true, schema: &Schema{Type: "string"}})
	}
	return op, nil
}

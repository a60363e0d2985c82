package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
)

// call is one request on its way through a row.
type call struct {
	rt  *Route
	who Caller
	w   http.ResponseWriter
	r   *http.Request
}

// operation is a handler bound to its row.
type operation struct {
	serve  func(context.Context, *call) error
	typed  bool // writes only at its end, and only once
	listed bool // is part of OpenAPI

	params []param
	extra  []int      // the field tagged query:"*"
	body   *Schema    // nil: takes no JSON
	out    *Schema    // nil: answers no JSON
	fresh  func() any // a pointer to a new input
	answer func() any // a pointer to a new output, for CheckAnswer
	apply  func(context.Context, any) (any, error)
	again  func(context.Context, any) (any, error) // see Again; may be nil

	againTypes *[2]reflect.Type // input and output of again

	status       int
	limit        int64 // 0: Options.MaxBody for JSON, none for what the handler reads
	doc          string
	takes, gives []string // media types of what is not JSON
	form         *Schema  // of what is taken
	shown        reflect.Type
	shape        *Schema // of shown: the JSON that the handler writes itself
	anyOrigin    bool
}

// None as an output is 204 without a body.
type None struct{}

// Tagged is an output that carries a version. ETag is a whole entity tag, with
// its quotes (RFC 9110 §8.8.3), or "".
type Tagged interface{ ETag() string }

type jsonHandler[In, Out any] struct {
	fn   func(context.Context, In) (Out, error)
	opts []Option
}

// JSON makes a row of fn. Fields of In tagged path, query or header come from
// there, those tagged json from the body; Out is the answer. Both types are
// checked when the row is added, and described in OpenAPI. The package comment
// has the tags.
func JSON[In, Out any](fn func(context.Context, In) (Out, error), opts ...Option) http.Handler {
	return &jsonHandler[In, Out]{fn, opts}
}

// ServeHTTP is not used: Handle binds the handler to its row.
func (h *jsonHandler[In, Out]) ServeHTTP(http.ResponseWriter, *http.Request) {
	panic("rest.JSON serves only through Owner.Handle")
}

func (h *jsonHandler[In, Out]) bind(rt *Route, b *book) (*operation, error) {
	if h.fn == nil {
		return nil, errNoHandler
	}
	op := newOperation(h.opts)
	op.typed = true
	op.fresh = func() any { return new(In) }
	op.answer = func() any { return new(Out) }
	op.apply = func(ctx context.Context, in any) (any, error) { return h.fn(ctx, *in.(*In)) } //nolint:errcheck,forcetypeassert // fresh has made it
	op.serve = op.exchange
	if err := op.takeOutput(b, reflect.TypeFor[Out]()); err != nil {
		return nil, err
	}
	if op.againTypes != nil && *op.againTypes != [2]reflect.Type{reflect.TypeFor[In](), reflect.TypeFor[Out]()} {
		return nil, fmt.Errorf("Again is for %v, not for the row's own types", *op.againTypes)
	}
	return op, op.describe(b, reflect.TypeFor[In](), rt)
}

// takeOutput describes the answer: None is 204, all else another 2xx.
func (op *operation) takeOutput(b *book, out reflect.Type) (err error) {
	none := out == reflect.TypeFor[None]()
	if op.takes != nil || op.gives != nil {
		return errors.New("a typed row takes and gives JSON")
	}
	if op.status == 0 && none {
		op.status = http.StatusNoContent
	}
	op.status = cmp.Or(op.status, http.StatusOK)
	if op.status < 200 || op.status > 299 || none != (op.status == http.StatusNoContent) {
		return fmt.Errorf("%v does not go with status %d", out, op.status)
	}
	if !none {
		op.out, err = b.of(out)
	}
	return err
}

type streamHandler[In any] struct {
	fn   func(http.ResponseWriter, *http.Request, In) error
	opts []Option
}

// Stream makes a row of fn whose parameters are typed and whose answer is its
// own: a stream, a download, an upload. As long as fn has written nothing, it
// may return an error like any handler; later an error cuts the connection.
// Without json fields in In, the body is left to fn.
func Stream[In any](fn func(http.ResponseWriter, *http.Request, In) error, opts ...Option) http.Handler {
	return &streamHandler[In]{fn, opts}
}

// ServeHTTP is not used: Handle binds the handler to its row.
func (h *streamHandler[In]) ServeHTTP(http.ResponseWriter, *http.Request) {
	panic("rest.Stream serves only through Owner.Handle")
}

func (h *streamHandler[In]) bind(rt *Route, b *book) (*operation, error) {
	if h.fn == nil {
		return nil, errNoHandler
	}
	op := newOperation(h.opts)
	op.serve = func(ctx context.Context, c *call) error {
		in := new(In)
		if _, err := op.decode(ctx, c, in); err != nil {
			return err
		}
		return h.fn(c.w, c.r.WithContext(ctx), *in)
	}
	if err := op.takeShown(b); err != nil {
		return nil, err
	}
	return op, op.describe(b, reflect.TypeFor[In](), rt)
}

// describe reads body and parameters off the input type.
func (op *operation) describe(b *book, in reflect.Type, rt *Route) error {
	op.listed = true
	if rt.Method == "" {
		return errors.New("a typed or described row needs a method")
	}
	s, err := b.of(in)
	if err != nil {
		return err
	}
	if s.base().index == nil {
		return fmt.Errorf("%v is not a plain struct", in)
	}
	if s.isOutput(map[*Schema]bool{}) {
		return fmt.Errorf("%v holds a OneOf, which can only be written", in)
	}
	fields, bodied := len(s.base().Properties) > 0, slices.Contains([]string{"POST", "PUT", "PATCH"}, rt.Method)
	if fields && !bodied {
		return fmt.Errorf("%v has json fields, but %s has no body", in, rt.Method)
	}
	if fields || bodied && op.typed {
		op.body = s
	}
	return op.takeParams(b, in, rt)
}

// decode reads the whole input of a call; text is the body.
func (op *operation) decode(ctx context.Context, c *call, in any) (text []byte, err error) {
	d, into := &decoder{}, reflect.ValueOf(in).Elem()
	if op.body != nil {
		var absent bool
		if text, absent, err = read(c.w, c.r, cmp.Or(op.limit, c.rt.table.opts.MaxBody)); err != nil {
			return nil, err
		}
		tree := any(map[string]any{}) // of an absent body, which names what is missing
		if !absent {
			if tree, err = parse(text); err != nil {
				return nil, err
			}
		}
		d.set(op.body, tree, into, "")
	}
	if err := op.readParams(ctx, d, c.rt, c.r, into); err != nil {
		return nil, err
	}
	if d.bad != nil {
		return nil, invalid(d.bad)
	}
	return text, nil
}

// exchange is the way of a typed call: decode, apply, answer.
func (op *operation) exchange(ctx context.Context, c *call) error {
	in := op.fresh()
	text, err := op.decode(ctx, c, in)
	if err != nil {
		return err
	}
	key, err := c.receiptKey()
	if err != nil {
		return err
	}
	if key != "" {
		return op.once(ctx, c, key, text, in)
	}
	ans, err := op.run(ctx, op.apply, in)
	if err != nil {
		return err
	}
	ans.write(c)
	return nil
}

func (op *operation) run(ctx context.Context, apply func(context.Context, any) (any, error), in any) (*Answer, error) {
	out, err := apply(ctx, in)
	if err != nil {
		return nil, err
	}
	ans := &Answer{Status: op.status}
	if t, ok := out.(Tagged); ok {
		ans.ETag = t.ETag()
	}
	if op.out == nil {
		return ans, nil
	}
	if ans.Body, err = json.Marshal(out); err != nil {
		return nil, fmt.Errorf("encode %T: %w", out, err)
	}
	return ans, nil
}

func (a *Answer) write(c *call) {
	if a.ETag != "" {
		c.w.Header().Set("ETag", a.ETag)
	}
	send(c.w, c.r, a.Status, "application/json", a.Body)
}

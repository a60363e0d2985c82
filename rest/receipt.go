package rest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"reflect"
	"strings"
)

// Receipts remember the answers to writes, so that a request sent twice is
// done once. Who makes a typed row's POST, PUT, PATCH or DELETE with the header
// Idempotency-Key passes here, if policy and input are right; from nobody the
// header is ignored, as there is no one to keep the answer for.
type Receipts interface {
	// Begin looks for an answer to the caller's key. It returns that answer, or
	// a context to run the handler with, or an error: an Invalid one when the
	// key came with another route or digest, a Conflict while the first is
	// still at work, or ErrLostAnswer with a context.
	Begin(ctx context.Context, caller Caller, key, route string, digest [32]byte) (context.Context, *Answer, error)
	// Finish keeps the answer before it is sent. It is not called when the
	// handler fails; its error becomes the answer.
	Finish(ctx context.Context, answer Answer) error
}

// Answer is what a typed row has answered: always 2xx, Body JSON or, with
// status 204, nil.
type Answer struct {
	Status int
	ETag   string
	Body   []byte
}

const keyHeader = "Idempotency-Key"

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// receiptKey is the caller's key, or "" when there is none to heed.
func (c *call) receiptKey() (string, error) {
	keys := c.r.Header.Values(keyHeader)
	if len(keys) == 0 || safe(c.r.Method) || c.rt.table.opts.Receipts == nil || c.who.Role() <= Nobody {
		return "", nil
	}
	key := keys[0]
	odd := strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(keys) > 1 || key == "" || len(key) > 200 || odd {
		return "", InvalidField(keyHeader, "must be 1 to 200 visible ASCII characters, once")
	}
	return key, nil
}

// once runs the call unless it has been answered before.
func (op *operation) once(ctx context.Context, c *call, key string, text []byte, in any) error {
	receipts := c.rt.table.opts.Receipts
	ctx, ans, err := receipts.Begin(ctx, c.who, key, c.rt.Pattern(), c.digest(text))
	apply := op.apply
	if errors.Is(err, ErrLostAnswer) && op.again != nil {
		apply, err = op.again, nil
	}
	if err != nil {
		return lost(err)
	}
	if ans != nil {
		c.w.Header().Set("Idempotent-Replayed", "true")
		ans.write(c)
		return nil
	}
	if ans, err = op.run(ctx, apply, in); err != nil {
		return err
	}
	if err := receipts.Finish(ctx, *ans); err != nil {
		return err
	}
	ans.write(c)
	return nil
}

// ErrLostAnswer is what Begin returns, with a context, for a request that was
// carried out by a process that died before it could keep the answer. The row's
// Again builds the answer anew; without one the caller gets a Conflict.
var ErrLostAnswer = errors.New("the answer was lost")

func lost(err error) error {
	if errors.Is(err, ErrLostAnswer) {
		return Errorf(Conflict, "this request was carried out, but its answer was lost: read what it changed")
	}
	return err
}

// Again builds the answer to a request that was carried out but whose answer
// was lost in a crash: fn reads what was done, and does nothing again. In and
// Out are those of the row.
func Again[In, Out any](fn func(context.Context, In) (Out, error)) Option {
	return func(o *operation) {
		o.againTypes = &[2]reflect.Type{reflect.TypeFor[In](), reflect.TypeFor[Out]()}
		o.again = func(ctx context.Context, in any) (any, error) {
			return fn(ctx, *in.(*In)) //nolint:errcheck,forcetypeassert // Handle has compared the types
		}
	}
}

// digest tells requests apart. Each part has its length before it, so that
// nothing can move from one to the next.
func (c *call) digest(body []byte) (sum [32]byte) {
	h := sha256.New()
	add := func(part []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	add([]byte(c.r.Method))
	for _, name := range c.rt.Wildcards {
		add([]byte(c.r.PathValue(name)))
	}
	add([]byte(c.r.URL.RawQuery))
	add(body)
	h.Sum(sum[:0])
	return sum
}

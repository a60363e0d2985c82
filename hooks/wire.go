package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Raw is a handler that knows the payload as JSON alone, for it lives elsewhere.
// It answers with a merge patch (RFC 7396) of what it changes; nothing is no change.
type Raw func(ctx context.Context, payload json.RawMessage) (patch json.RawMessage, err error)

// Attach adds a raw handler to a Before or a Filter of whatever payload. A patch
// may touch the point's Writable fields alone: one that reaches further is a
// malfunction, and changes nothing. Attach fails at points of the other kinds, and
// panics as Add does.
func Attach(p Inspector, by Owner, name string, fn Raw, o ...Option) (remove func(), err error) {
	wire, ok := p.(interface {
		attach(Owner, string, Raw, []Option) func()
	})
	if !ok {
		return nil, fmt.Errorf("hooks: %s takes no raw handler, for it is of kind %s", p.Point().Name, p.Kind())
	}
	return wire.attach(by, name, fn, o), nil
}

// Listen adds a handler to an After of whatever payload, which is given the event
// as the log holds it. It fails at points of the other kinds, and panics as Add
// does.
func Listen(p Inspector, by Owner, name string, fn func(context.Context, Envelope) error, o ...Option) (remove func(), err error) {
	wire, ok := p.(interface {
		listen(Owner, string, func(context.Context, Envelope) error, []Option) func()
	})
	if !ok {
		return nil, fmt.Errorf("hooks: %s has no events, for it is of kind %s", p.Point().Name, p.Kind())
	}
	return wire.listen(by, name, fn, o), nil
}

func (b *Before[T]) attach(by Owner, name string, fn Raw, o []Option) func() {
	return b.Add(by, name, overWire[T](fn, b.writable), o...)
}

func (f *Filter[T]) attach(by Owner, name string, fn Raw, o []Option) func() {
	return f.Add(by, name, overWire[T](fn, f.writable), o...)
}

// listen keeps fn beside the typed handler: what comes from the log is handed on as
// it is, with fields that T does not know and without the time to read them.
func (a *After[T]) listen(by Owner, name string, fn func(context.Context, Envelope) error, o []Option) func() {
	return a.Add(by, name, func(ctx context.Context, e Event[T]) error {
		env, err := seal(e)
		if err != nil {
			return err
		}
		return fn(ctx, env)
	}, append(slices.Clone(o), func(s *settings) { s.raw = fn })...)
}

func (l *list[F]) writable() []string { return l.Point().Writable }

// overWire makes an ordinary handler of a raw one. Only the fields that the patch
// names change, so a handler that was written for an older T loses nothing that it
// never knew of.
func overWire[T any](fn Raw, writable func() []string) func(context.Context, *T) error {
	places := jsonFields(reflect.TypeFor[T]())
	return func(ctx context.Context, v *T) error {
		payload, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write the payload: %w", err)
		}
		patch, err := fn(ctx, payload)
		if err != nil || len(patch) == 0 {
			return err
		}
		return apply(v, payload, patch, writable(), places)
	}
}

// seal is the opposite of open.
func seal[T any](e Event[T]) (Envelope, error) {
	data, err := json.Marshal(e.Data)
	return Envelope{ID: e.ID, Name: e.Name, Key: e.Key, At: e.At, Actor: e.Actor, Cause: e.Cause, Attempt: e.Attempt, Data: data}, err
}

// apply merges patch into *v, whose JSON is was: all of it or nothing.
func apply[T any](v *T, was, patch json.RawMessage, writable []string, places map[string][]int) error {
	var changed map[string]json.RawMessage
	if err := json.Unmarshal(patch, &changed); err != nil {
		return fmt.Errorf("the patch is no JSON object: %w", err)
	}
	old := sync.OnceValues(func() (fields map[string]json.RawMessage, err error) {
		err = json.Unmarshal(was, &fields)
		return fields, err
	})
	next := *v
	for name, change := range changed {
		if !slices.Contains(writable, name) {
			return fmt.Errorf("the patch changes %q, which is not writable here; these are: %v", name, writable)
		}
		place := places[name]
		if place == nil {
			return fmt.Errorf("the patch changes %q, which is no field", name)
		}
		field := reflect.ValueOf(&next).Elem().FieldByIndex(place)
		merged := change
		if isObject(change) {
			fields, err := old()
			if err != nil {
				return fmt.Errorf("the payload is no JSON object: %w", err)
			}
			if merged, err = merge(fields[name], change); err != nil {
				return fmt.Errorf("the patch of %q: %w", name, err)
			}
		}
		field.SetZero() // a map or slice must not be shared with what was
		if err := json.Unmarshal(merged, field.Addr().Interface()); err != nil {
			return fmt.Errorf("the patch of %q: %w", name, err)
		}
	}
	*v = next
	return nil
}

// merge is RFC 7396.
func merge(target, patch json.RawMessage) (json.RawMessage, error) {
	if !isObject(patch) {
		return patch, nil
	}
	var changes, fields map[string]json.RawMessage
	if err := json.Unmarshal(patch, &changes); err != nil {
		return nil, err
	}
	if isObject(target) {
		if err := json.Unmarshal(target, &fields); err != nil {
			return nil, err
		}
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	for name, change := range changes {
		if string(bytes.TrimSpace(change)) == "null" {
			delete(fields, name)
			continue
		}
		merged, err := merge(fields[name], change)
		if err != nil {
			return nil, err
		}
		fields[name] = merged
	}
	return json.Marshal(fields)
}

func isObject(text json.RawMessage) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && text[0] == '{'
}

// Call runs one handler of a Before or a Filter, known as "plugin.handler", with a
// payload in JSON, and gives the patch of what it changed: the other end of Attach.
// Its error is that of the point's Run. It fails where there is no such handler.
func Call(ctx context.Context, p Inspector, handler string, payload json.RawMessage) (patch json.RawMessage, err error) {
	wire, ok := p.(interface {
		call(context.Context, string, json.RawMessage) (json.RawMessage, error)
	})
	if !ok {
		return nil, fmt.Errorf("hooks: a handler of %s cannot be called, for it is of kind %s", p.Point().Name, p.Kind())
	}
	return wire.call(ctx, handler, payload)
}

func (b *Before[T]) call(ctx context.Context, handler string, payload json.RawMessage) (json.RawMessage, error) {
	return callOne[T](ctx, &b.list, handler, payload)
}

func (f *Filter[T]) call(ctx context.Context, handler string, payload json.RawMessage) (json.RawMessage, error) {
	return callOne[T](ctx, &f.list, handler, payload)
}

func callOne[T any](ctx context.Context, l *list[func(context.Context, *T) error], handler string, payload json.RawMessage) (json.RawMessage, error) {
	for _, h := range l.handlers() {
		if h.name != handler {
			continue
		}
		var patch json.RawMessage
		err := h.invoke(ctx, func(ctx context.Context) (err error) {
			patch, err = changes(ctx, h.fn, payload)
			return err
		})
		return patch, err
	}
	return nil, fmt.Errorf("hooks: %s has no handler %s", l.Point().Name, handler)
}

// changes are what fn does to the value of payload. Both sides of the comparison
// are written by this program, so what it does not know is not taken for deleted.
func changes[T any](ctx context.Context, fn func(context.Context, *T) error, payload json.RawMessage) (json.RawMessage, error) {
	var v T
	if err := json.Unmarshal(payload, &v); err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	was, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if err := fn(ctx, &v); err != nil {
		return nil, err
	}
	next, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write the payload: %w", err)
	}
	return diff(was, next), nil
}

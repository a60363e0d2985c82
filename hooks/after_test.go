package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

func stored() *hooks.After[draft] {
	var point hooks.After[draft]
	point.Declare(hooks.Point{Name: "draft.stored", Doc: "A draft was stored."})
	return &point
}

func TestDeliverDecodesTheEnvelope(t *testing.T) {
	t.Parallel()
	env := hooks.Envelope{ID: 9, Name: "draft.stored", Key: "draft:7", At: time.Unix(1, 0).UTC(),
		Actor: hooks.Actor{Kind: "agent", ID: "u1", Name: "Ann", PersonID: 4}, Cause: 3, Attempt: 2}
	for name, tt := range map[string]struct {
		data string
		want draft
		bad  bool
	}{
		"all that is known":           {data: `{"subject":"s","tags":["a"],"count":1}`, want: draft{Subject: "s", Tags: []string{"a"}, Count: 1}},
		"unknown fields are ignored":  {data: `{"subject":"s","later":{"a":[1]}}`, want: draft{Subject: "s"}},
		"missing fields stay zero":    {data: `{}`},
		"null is zero":                {data: `null`},
		"no data is zero":             {},
		"a wrong type is a failure":   {data: `{"subject":1}`, bad: true},
		"broken JSON is a failure":    {data: `{"subject":`, bad: true},
		"another shape is a failure ": {data: `[]`, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			point := stored()
			var got []hooks.Event[draft]
			point.Add(&owner{id: "p"}, "see", func(_ context.Context, e hooks.Event[draft]) error { got = append(got, e); return nil })
			env := env
			env.Data = json.RawMessage(tt.data)
			err := point.Consumers()[0].Deliver(t.Context(), env)
			if tt.bad {
				if !errors.As(err, new(*hooks.Failure)) || len(got) != 0 || only(t, point).Failures != 1 {
					t.Errorf("error %v, handler saw %+v", err, got)
				}
				return
			}
			want := []hooks.Event[draft]{{ID: 9, Name: env.Name, Key: env.Key, At: env.At, Actor: env.Actor, Cause: 3, Attempt: 2, Data: tt.want}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v %v\nwant %+v", got, err, want)
			}
		})
	}
}

func TestDeliverAsksForAnotherAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fn    func(ctx context.Context, cancel func()) error
		fault bool
	}{
		"after an error":                 {func(context.Context, func()) error { return errBoom }, true},
		"after a veto, an error here":    {func(context.Context, func()) error { return hooks.Veto("no", "No.") }, true},
		"after a panic":                  {func(context.Context, func()) error { panic("boom") }, true},
		"after the deadline":             {func(ctx context.Context, _ func()) error { <-ctx.Done(); return nil }, true},
		"when the log itself breaks off": {func(ctx context.Context, cancel func()) error { cancel(); return ctx.Err() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			point := stored()
			point.Add(&owner{id: "p"}, "see", func(ctx context.Context, _ hooks.Event[draft]) error { return tt.fn(ctx, cancel) },
				hooks.Deadline(50*time.Millisecond))
			err := point.Consumers()[0].Deliver(ctx, hooks.Envelope{})
			if err == nil || errors.As(err, new(*hooks.Failure)) != tt.fault || errors.As(err, new(*hooks.Vetoed)) {
				t.Errorf("error %v", err)
			}
			if i := only(t, point); (i.Failures == 1) != tt.fault || i.Vetoes != 0 || i.OnFailure != "retry" {
				t.Errorf("statistics %+v", i)
			}
		})
	}
}

func TestConsumersAreNamedByPluginHandlerAndEvent(t *testing.T) {
	t.Parallel()
	point := stored()
	var listener hooks.Listener = point
	var changes atomic.Int64
	listener.OnChange(func() { changes.Add(int64(len(listener.Consumers()))) }) // no lock is held
	see := func(context.Context, hooks.Event[draft]) error { return nil }
	point.Add(&owner{id: "sla", rank: 2}, "clock", see)
	remove := point.Add(&owner{id: "kb", rank: 1}, "index", see, hooks.FromStart())

	type identity struct {
		name, plugin, event string
		fromStart           bool
	}
	var got []identity
	consumers := listener.Consumers()
	for _, c := range consumers {
		got = append(got, identity{c.Name(), c.Plugin(), c.Event(), c.FromStart()})
	}
	want := []identity{{"kb.index@draft.stored", "kb", "draft.stored", true}, {"sla.clock@draft.stored", "sla", "draft.stored", false}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	remove()
	remove()
	if changes.Load() != 1+2+1 {
		t.Errorf("told of consumers %d in total, want 1, 2 and 1", changes.Load())
	}
	if err := consumers[0].Deliver(t.Context(), hooks.Envelope{}); !errors.Is(err, hooks.ErrRemoved) {
		t.Errorf("delivered to a removed handler: %v", err)
	}
}

func TestATransientPointHasNoConsumers(t *testing.T) {
	t.Parallel()
	var point hooks.After[draft]
	point.Declare(hooks.Point{Name: "desk.started", Doc: "-", Transient: true})
	point.Add(&owner{id: "p"}, "see", func(context.Context, hooks.Event[draft]) error { return nil })
	if c := point.Consumers(); len(c) != 0 {
		t.Errorf("consumers %v", c)
	}
}

func TestRunCallsEveryHandlerAndRecordsFailures(t *testing.T) {
	t.Parallel()
	var point hooks.After[deep]
	answers := map[string]func() error{
		"error": func() error { return errBoom }, "panic": func() error { panic("boom") }, "fine": func() error { return nil },
	}
	for _, name := range []string{"error", "panic", "fine"} {
		point.Add(&owner{id: "p"}, name, func(_ context.Context, e hooks.Event[deep]) error {
			if e.ID != 5 || e.Data.Tags[0] != "a" {
				t.Errorf("%s sees %+v", name, e)
			}
			e.Data.Tags[0] = "changed by " + name
			return answers[name]()
		})
	}
	point.Run(t.Context(), hooks.Event[deep]{ID: 5, Data: deep{Tags: []string{"a"}, Owner: &draft{}}})
	for _, i := range point.Handlers() {
		if i.Calls != 1 || (i.Failures == 0) != (i.Name == "p.fine") {
			t.Errorf("%+v", i)
		}
	}
}

func TestAnEventInJSONReadsBack(t *testing.T) {
	t.Parallel()
	e := hooks.Event[draft]{ID: 1, Name: "n", Key: "k", At: time.Unix(0, 0).UTC(), Actor: hooks.Actor{Kind: "guest"}, Cause: 2, Attempt: 3, Data: draft{Subject: "s"}}
	text, err := json.Marshal(e)
	want := `{"id":1,"name":"n","key":"k","at":"1970-01-01T00:00:00Z","actor":{"kind":"guest","id":"","name":""},` +
		`"cause":2,"attempt":3,"data":{"subject":"s","tags":null,"count":0}}`
	if err != nil || string(text) != want {
		t.Fatalf("got  %s %v\nwant %s", text, err, want)
	}
	var env hooks.Envelope
	if err := json.Unmarshal(text, &env); err != nil || env.ID != 1 || string(env.Data) != `{"subject":"s","tags":null,"count":0}` {
		t.Errorf("envelope %+v %v", env, err)
	}
}

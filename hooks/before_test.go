package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

func TestHandlersRunBySlotThenRankThenRegistration(t *testing.T) {
	t.Parallel()
	spam, sla := &owner{id: "spam", rank: 1}, &owner{id: "sla", rank: 2}
	type add struct {
		by   *owner
		name string
		o    []hooks.Option
	}
	for name, tt := range map[string]struct {
		adds []add
		want []string
	}{
		"registration decides among equals": {
			[]add{{by: sla, name: "b"}, {by: sla, name: "a"}},
			[]string{"sla.b", "sla.a"}},
		"rank goes before registration": {
			[]add{{by: sla, name: "a"}, {by: spam, name: "a"}},
			[]string{"spam.a", "sla.a"}},
		"slot goes before rank": {
			[]add{{spam, "a", []hooks.Option{hooks.At(hooks.Late)}}, {by: spam, name: "b"}, {by: sla, name: "a"},
				{sla, "b", []hooks.Option{hooks.At(hooks.Early)}}},
			[]string{"sla.b", "spam.b", "sla.a", "spam.a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			var ran []string
			for _, a := range tt.adds {
				point.Add(a.by, a.name, appendTo(&ran, a.by.id+"."+a.name), a.o...)
			}
			if err := point.Run(t.Context(), &draft{}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(ran, tt.want) {
				t.Errorf("ran %q, want %q", ran, tt.want)
			}
			wantNames(t, &point, tt.want...)
		})
	}
}

func TestEachHandlerSeesWhatTheFormerChanged(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	for i := range 3 {
		point.Add(&owner{id: "p"}, fmt.Sprint(i), func(_ context.Context, d *draft) error {
			d.Subject += fmt.Sprint(i)
			return nil
		})
	}
	d := draft{Subject: ">"}
	if err := point.Run(t.Context(), &d); err != nil || d.Subject != ">012" {
		t.Errorf("subject %q, error %v", d.Subject, err)
	}
}

func TestAVetoStopsABeforeAndIsNoFailure(t *testing.T) {
	t.Parallel()
	veto := hooks.Veto("spam", "This looks like spam.")
	for name, tt := range map[string]struct {
		answer error
		o      []hooks.Option
	}{
		"as it is":                        {answer: veto},
		"wrapped by the handler":          {answer: fmt.Errorf("scored 9.1: %w", veto)},
		"though malfunctions are skipped": {answer: veto, o: []hooks.Option{hooks.IfBroken(hooks.Skip)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			var ran []string
			point.Declare(hooks.Point{Name: "draft.store.before", Doc: "-"})
			point.Add(&owner{id: "spam"}, "check", func(context.Context, *draft) error { return tt.answer }, tt.o...)
			point.Add(&owner{id: "late"}, "never", appendTo(&ran, "never"))
			err := point.Run(t.Context(), &draft{})

			var refusal *hooks.Refusal
			if !errors.As(err, &refusal) || refusal.Code != "spam" || refusal.Message != "This looks like spam." {
				t.Errorf("refusal %+v in %v", refusal, err)
			}
			var who *hooks.Vetoed
			if !errors.As(err, &who) || who.Handler != "spam.check" || who.Point != "draft.store.before" {
				t.Errorf("vetoed %+v", who)
			}
			if !errors.Is(err, tt.answer) || errors.As(err, new(*hooks.Failure)) {
				t.Errorf("%v must be the handler's own error and no failure", err)
			}
			if i := point.Handlers()[0]; i.Vetoes != 1 || i.Failures != 0 || len(ran) != 0 {
				t.Errorf("vetoes %d, failures %d, later handlers %q", i.Vetoes, i.Failures, ran)
			}
		})
	}
}

func TestAMalfunctionAbortsABeforeAndNamesTheHandler(t *testing.T) {
	t.Parallel()
	for name, fn := range broken() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			var ran []string
			point.Declare(hooks.Point{Name: "draft.store.before", Doc: "-"})
			point.Add(&owner{id: "sla"}, "pick", fn)
			point.Add(&owner{id: "late"}, "never", appendTo(&ran, "never"))
			err := point.Run(t.Context(), &draft{})

			var failure *hooks.Failure
			if !errors.As(err, &failure) || failure.Point != "draft.store.before" || failure.Handler != "sla.pick" {
				t.Fatalf("failure %+v in %v", failure, err)
			}
			if errors.As(failure.Err, new(*hooks.Vetoed)) || len(ran) != 0 {
				t.Errorf("a malfunction is no veto and stops the others; ran %q", ran)
			}
			if i := point.Handlers()[0]; i.Failures != 1 || i.Vetoes != 0 || i.LastFailure == "" || i.LastFailureAt.IsZero() {
				t.Errorf("statistics %+v", i)
			}
		})
	}
}

func TestAPanicKeepsItsTextAndStack(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	veto := hooks.Veto("no", "No.")
	point.Add(&owner{id: "sla"}, "pick", func(context.Context, *draft) error { panic(veto) })
	err := point.Run(t.Context(), &draft{})
	var failure *hooks.Failure
	if !errors.As(err, &failure) || failure.Err.Error() != "panic: no: No." {
		t.Fatalf("failure %+v", failure)
	}
	if !strings.Contains(string(failure.Stack), "TestAPanicKeepsItsTextAndStack") {
		t.Errorf("the stack does not lead to the handler:\n%s", failure.Stack)
	}
	if errors.As(err, new(*hooks.Refusal)) {
		t.Error("a panic counts as a veto because a veto was thrown")
	}
}

func TestSkipCarriesOnWithoutThePartialChanges(t *testing.T) {
	t.Parallel()
	for name, fn := range broken() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			point.Declare(hooks.Point{Name: "mail.receive.before", Doc: "-", OnFailure: hooks.Skip})
			point.Add(&owner{id: "a"}, "first", func(_ context.Context, d *draft) error { d.Subject = "first"; return nil })
			point.Add(&owner{id: "b"}, "broken", fn)
			point.Add(&owner{id: "c"}, "last", func(_ context.Context, d *draft) error { d.Subject += " last"; return nil })
			d := draft{}
			if err := point.Run(t.Context(), &d); err != nil || d.Subject != "first last" {
				t.Errorf("subject %q, error %v", d.Subject, err)
			}
			if i := point.Handlers()[1]; i.Failures != 1 {
				t.Errorf("a skipped failure is not counted: %+v", i)
			}
		})
	}
}

func TestWhoDecidesWhatAMalfunctionDoes(t *testing.T) {
	t.Parallel()
	skip, abort := hooks.IfBroken(hooks.Skip), hooks.IfBroken(hooks.Abort)
	for name, tt := range map[string]struct {
		point    hooks.OnFailure
		author   []hooks.Option
		operator []hooks.Option
		aborts   bool
	}{
		"the point by default":           {point: hooks.Abort, aborts: true},
		"the author over the point":      {point: hooks.Abort, author: []hooks.Option{skip}},
		"the operator over the author":   {point: hooks.Skip, author: []hooks.Option{skip}, operator: []hooks.Option{abort}, aborts: true},
		"the operator without an author": {point: hooks.Abort, operator: []hooks.Option{skip}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			point.Declare(hooks.Point{Name: "p", Doc: "-", OnFailure: tt.point})
			point.Override("sla.pick", tt.operator...)
			remove := point.Add(&owner{id: "sla"}, "pick", func(context.Context, *draft) error { return errBoom }, tt.author...)
			if err := point.Run(t.Context(), &draft{}); (err != nil) != tt.aborts {
				t.Errorf("error %v, want one: %v", err, tt.aborts)
			}
			remove()
			point.Override("sla.pick")
			point.Add(&owner{id: "sla"}, "pick", func(context.Context, *draft) error { return nil }, tt.author...)
			point.Override("sla.pick", tt.operator...)
			want := map[bool]string{true: "abort", false: "skip"}[tt.aborts]
			if got := only(t, &point).OnFailure; got != want {
				t.Errorf("set while the handler is there: %s, want %s", got, want)
			}
		})
	}
}

func TestAnOverrideKeepsStatisticsAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	point.Add(&owner{id: "p"}, "a", count)
	if err := point.Run(t.Context(), &draft{}); err != nil {
		t.Fatal(err)
	}
	point.Override("p.a", hooks.At(hooks.Late), hooks.Deadline(time.Second))
	if i := only(t, &point); i.Calls != 1 || i.Slot != "late" || i.Timeout != time.Second {
		t.Errorf("overridden: %+v", i)
	}
	point.Override("p.a")
	if i := only(t, &point); i.Calls != 1 || i.Slot != "normal" || i.Timeout != 0 {
		t.Errorf("taken back: %+v", i)
	}
}

func TestHandlersAreNotCalledForACallerWhoHasLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var point hooks.Before[draft]
	point.Add(&owner{id: "p"}, "a", count)
	d := draft{}
	if err := point.Run(ctx, &d); !errors.Is(err, context.Canceled) || !reflect.DeepEqual(d, draft{}) {
		t.Errorf("error %v, draft %+v", err, d)
	}
}

// Not parallel: AllocsPerRun counts the whole process.
func TestDispatchDoesNotAllocate(t *testing.T) {
	for name, handlers := range map[string]int{"without handlers": 0, "with one": 1, "with ten": 10} {
		t.Run(name, func(t *testing.T) {
			var b, skipping hooks.Before[draft]
			var f hooks.Filter[draft]
			for i := range handlers {
				b.Add(&owner{id: "p"}, fmt.Sprint(i), count)
				skipping.Add(&owner{id: "p"}, fmt.Sprint(i), count, hooks.IfBroken(hooks.Skip))
				f.Add(&owner{id: "p"}, fmt.Sprint(i), count)
			}
			ctx, d := t.Context(), &draft{}
			got := testing.AllocsPerRun(100, func() {
				if b.Run(ctx, d) != nil || skipping.Run(ctx, d) != nil {
					t.Error("failed")
				}
				f.Run(ctx, d)
			})
			if got != 0 {
				t.Errorf("%v allocations", got)
			}
		})
	}
}

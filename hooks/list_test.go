package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
)

func TestAddRefusesWithASentence(t *testing.T) {
	t.Parallel()
	sla := &owner{id: "sla"}
	var point hooks.Before[draft]
	var inside hooks.Within[draft]
	var build hooks.Filter[draft]
	point.Declare(hooks.Point{Name: "draft.store.before", Doc: "-"})
	point.Add(sla, "pick", count)
	nothing := func(context.Context, *gorm.DB, *draft) error { return nil }
	for name, tt := range map[string]struct {
		add  func()
		want string
	}{
		"a name that is taken":          {func() { point.Add(sla, "pick", count) }, "draft.store.before already has a handler named sla.pick"},
		"an empty name":                 {func() { point.Add(sla, "", count) }, `plugin sla: "" is no name`},
		"a name with an @":              {func() { point.Add(sla, "a@b", count) }, `plugin sla: "a@b" is no name`},
		"no function":                   {func() { point.Add(sla, "nil", nil) }, "handler sla.nil has no function"},
		"no owner":                      {func() { point.Add(nil, "a", count) }, `handler "a" has no owner`},
		"an owner without an id":        {func() { point.Add(&owner{}, "a", count) }, `owner of handler "a" has no id`},
		"IfBroken inside a transaction": {func() { inside.Add(sla, "a", nothing, hooks.IfBroken(hooks.Skip)) }, "IfBroken has no meaning at a hook of kind within"},
		"FromStart without a log":       {func() { build.Add(sla, "a", count, hooks.FromStart()) }, "FromStart has no meaning at a hook of kind filter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := panicText(tt.add); !strings.Contains(got, tt.want) {
				t.Errorf("panics with %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("and leaves the point as it was", func(t *testing.T) {
		t.Parallel()
		wantNames(t, &point, "sla.pick")
		other := &owner{id: "other"}
		point.Add(other, "pick", count)
		other.disable()
	})
}

func TestAHandlerGoesWhenItIsRemovedOrItsOwnerDisabled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(remove func(), sla *owner)
		want []string
	}{
		"removed":                     {func(remove func(), _ *owner) { remove() }, []string{"spam.a", "sla.b"}},
		"removed twice":               {func(remove func(), _ *owner) { remove(); remove() }, []string{"spam.a", "sla.b"}},
		"its owner disabled":          {func(_ func(), sla *owner) { sla.disable() }, []string{"spam.a"}},
		"removed and owner disabled":  {func(remove func(), sla *owner) { remove(); sla.disable() }, []string{"spam.a"}},
		"nothing happened to anybody": {func(func(), *owner) {}, []string{"sla.a", "spam.a", "sla.b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Before[draft]
			sla, spam := &owner{id: "sla"}, &owner{id: "spam"}
			remove := point.Add(sla, "a", count)
			point.Add(spam, "a", count)
			point.Add(sla, "b", count)
			tt.do(remove, sla)
			wantNames(t, &point, tt.want...)
			d := draft{}
			if err := point.Run(t.Context(), &d); err != nil || d.Count != len(tt.want) {
				t.Errorf("%d handlers ran, want %d; %v", d.Count, len(tt.want), err)
			}
		})
	}
}

func TestANameIsFreeAgainAfterRemovalAndTheOldRemoveSparesTheNewHandler(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	p := &owner{id: "p"}
	remove := point.Add(p, "a", count)
	if err := point.Run(t.Context(), &draft{}); err != nil {
		t.Fatal(err)
	}
	remove()
	point.Add(p, "a", count)
	remove()
	if i := only(t, &point); i.Calls != 0 {
		t.Errorf("statistics of the former handler: %+v", i)
	}
}

func TestAHandlerMayRemoveItselfAndAddOthers(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	p := &owner{id: "p"}
	var remove func()
	remove = point.Add(p, "once", func(context.Context, *draft) error {
		remove()
		point.Add(p, "next", count)
		return nil
	})
	d := draft{}
	for range 2 {
		if err := point.Run(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
	}
	wantNames(t, &point, "p.next")
	if d.Count != 1 {
		t.Errorf("the added handler ran %d times, want once: not in the dispatch that was under way", d.Count)
	}
}

func TestHandlersComeAndGoWhileEightDispatch(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	point.Declare(hooks.Point{Name: "p", Doc: "-", OnFailure: hooks.Skip})
	point.Add(&owner{id: "core"}, "always", count, hooks.At(hooks.Early))
	var stop atomic.Bool
	var dispatchers sync.WaitGroup
	var runs atomic.Int64
	for range 8 {
		dispatchers.Go(func() {
			for !stop.Load() {
				d := draft{}
				if err := point.Run(context.Background(), &d); err != nil || d.Count < 1 || d.Count > 9 {
					t.Errorf("count %d, error %v", d.Count, err)
					return
				}
				runs.Add(1)
			}
		})
	}
	comeAndGo(&point)
	stop.Store(true)
	dispatchers.Wait()
	wantNames(t, &point, "core.always")
	if i := only(t, &point); i.Calls != runs.Load() {
		t.Errorf("%d calls counted in %d runs", i.Calls, runs.Load())
	}
}

// comeAndGo lets four owners add and remove handlers, two at a time each, and an
// operator meddle, until each has done so 100 times.
func comeAndGo(point *hooks.Before[draft]) {
	var owners sync.WaitGroup
	for o := range 4 {
		owners.Go(func() {
			for i := range 100 {
				by := &owner{id: fmt.Sprint("p", o), rank: i % 3}
				remove := point.Add(by, "a", count)
				point.Add(by, "broken", func(context.Context, *draft) error { return errBoom })
				point.Override(by.id+".a", hooks.At(hooks.Late))
				point.Handlers()
				remove()
				by.disable()
			}
		})
	}
	owners.Wait()
}

func TestStatisticsAddUp(t *testing.T) {
	t.Parallel()
	var point hooks.Before[draft]
	point.Declare(hooks.Point{Name: "p", Doc: "-", OnFailure: hooks.Skip})
	point.Add(&owner{id: "p", rank: 3}, "a", func(_ context.Context, d *draft) error {
		switch {
		case d.Count%10 == 0:
			return hooks.Veto("no", "No.")
		case d.Count%10 < 3:
			return fmt.Errorf("failure number %d", d.Count)
		}
		return nil
	})
	for i := range 100 {
		err := point.Run(t.Context(), &draft{Count: i})
		if vetoed := errors.As(err, new(*hooks.Vetoed)); vetoed != (i%10 == 0) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	got := only(t, &point)
	if got.Total <= 0 || got.P50 <= 0 || got.P99 < got.P50 || got.LastFailureAt.IsZero() {
		t.Errorf("times: %+v", got)
	}
	got.Total, got.P50, got.P99, got.LastFailureAt = 0, 0, 0, got.LastFailureAt.Truncate(1<<62)
	want := hooks.HandlerInfo{Name: "p.a", Plugin: "p", Slot: "normal", Rank: 3, OnFailure: "skip",
		Calls: 100, Failures: 20, Vetoes: 10, LastFailure: "failure number 92", LastFailureAt: got.LastFailureAt}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

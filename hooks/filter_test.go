package hooks_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

func TestABrokenFilterIsDroppedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	cases := broken()
	cases["a veto"] = func(_ context.Context, d *draft) error {
		d.Subject = "half done"
		return hooks.Veto("no", "No.")
	}
	for name, fn := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var point hooks.Filter[draft]
			point.Add(&owner{id: "a"}, "first", func(_ context.Context, d *draft) error { d.Subject = "first"; return nil })
			point.Add(&owner{id: "b"}, "broken", fn)
			point.Add(&owner{id: "c"}, "last", func(_ context.Context, d *draft) error { d.Subject += " last"; return nil })
			d := draft{}
			point.Run(t.Context(), &d)
			if d.Subject != "first last" {
				t.Errorf("subject %q", d.Subject)
			}
			if i := point.Handlers()[1]; i.Failures != 1 || i.Vetoes != 0 || i.LastFailure == "" {
				t.Errorf("statistics %+v", i)
			}
		})
	}
}

func TestALateFilterIsDropped(t *testing.T) {
	t.Parallel()
	var point hooks.Filter[draft]
	point.Declare(hooks.Point{Name: "p", Doc: "-", Timeout: time.Millisecond})
	point.Add(&owner{id: "p"}, "a", func(ctx context.Context, d *draft) error { d.Subject = "late"; <-ctx.Done(); return nil })
	d := draft{Subject: "kept"}
	point.Run(t.Context(), &d)
	if d.Subject != "kept" || only(t, &point).Failures != 1 {
		t.Errorf("subject %q, %+v", d.Subject, only(t, &point))
	}
}

func TestFiltersRunForACallerWhoHasLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var point hooks.Filter[draft]
	point.Add(&owner{id: "p"}, "hide", func(_ context.Context, d *draft) error { d.Subject = ""; return nil })
	point.Add(&owner{id: "p"}, "gives-up", func(ctx context.Context, d *draft) error { d.Subject = "half done"; return ctx.Err() })
	d := draft{Subject: "secret"}
	point.Run(ctx, &d)
	if d.Subject != "" || point.Handlers()[1].Failures != 0 {
		t.Errorf("subject %q, %+v", d.Subject, point.Handlers()[1])
	}
}

func TestACloneUndoesWhatAShallowCopyCannot(t *testing.T) {
	t.Parallel()
	t.Run("changes inside slices, maps and pointers", func(t *testing.T) {
		t.Parallel()
		var point hooks.Filter[deep]
		point.Add(&owner{id: "p"}, "broken", func(_ context.Context, d *deep) error {
			d.Tags[0], d.Fields["a"], d.Owner.Subject = "x", "x", "x"
			d.Tags = append(d.Tags, "x")
			return errBoom
		})
		fresh := func() deep {
			return deep{Tags: []string{"a"}, Fields: map[string]string{"a": "b"}, Owner: &draft{Subject: "s"}}
		}
		d := fresh()
		point.Run(t.Context(), &d)
		if !reflect.DeepEqual(d, fresh()) {
			t.Errorf("after a failure: %+v", d)
		}
	})
	t.Run("a Clone with a pointer receiver", func(t *testing.T) {
		t.Parallel()
		var point hooks.Filter[deepByPointer]
		point.Add(&owner{id: "p"}, "broken", func(_ context.Context, d *deepByPointer) error {
			d.Fields["a"] = "x"
			return errBoom
		})
		d := deepByPointer{Fields: map[string]string{"a": "b"}}
		point.Run(t.Context(), &d)
		if d.Fields["a"] != "b" {
			t.Errorf("after a failure: %+v", d)
		}
	})
	t.Run("without a Clone the fields come back, elements do not", func(t *testing.T) {
		t.Parallel()
		var point hooks.Filter[draft]
		point.Add(&owner{id: "p"}, "broken", func(_ context.Context, d *draft) error {
			d.Tags[0], d.private = "x", 1
			d.Tags = append(d.Tags, "y")
			return errBoom
		})
		d := draft{Tags: []string{"a"}}
		point.Run(t.Context(), &d)
		if len(d.Tags) != 1 || d.Tags[0] != "x" || d.private != 0 {
			t.Errorf("after a failure: %+v", d)
		}
	})
	t.Run("a Clone that panics harms nobody", func(t *testing.T) {
		t.Parallel()
		var point hooks.Filter[deep]
		point.Add(&owner{id: "p"}, "a", func(context.Context, *deep) error { return nil })
		d := deep{Tags: []string{"kept"}} // its Owner is nil
		point.Run(t.Context(), &d)
		if len(d.Tags) != 1 || only(t, &point).Failures != 1 {
			t.Errorf("%+v", d)
		}
	})
}

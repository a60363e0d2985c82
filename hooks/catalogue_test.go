package hooks_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
)

// shelf is a catalogue with every way to hold a point.
type shelf struct {
	Book struct {
		Lend hooks.Action[draft, row]
		List hooks.Filter[draft]
	}
	Opened *hooks.After[deep]
	Staff  *struct{ Hire hooks.Before[*draft] }
	Self   *shelf
	Since  time.Time
	note   hooks.Before[draft]
}

func newShelf() *shelf {
	s := &shelf{Opened: &hooks.After[deep]{}, Staff: &struct{ Hire hooks.Before[*draft] }{}}
	s.Self = s
	s.Book.Lend.Declare(hooks.Point{Name: "book.lend", Doc: "A book is lent.", OnFailure: hooks.Skip,
		Timeout: time.Second, Writable: []string{"subject", "tags"}}, "book.lent")
	s.Book.List.Declare(hooks.Point{Name: "book.list", Doc: "Books are listed.", Writable: []string{"count"}})
	s.Opened.Declare(hooks.Point{Name: "opened", Doc: "The library opened.", Transient: true})
	s.Staff.Hire.Declare(hooks.Point{Name: "staff.hire", Doc: "Someone is hired.", Writable: []string{"subject"}})
	s.note.Declare(hooks.Point{})
	return s
}

func TestWalkFindsEveryPointOnce(t *testing.T) {
	t.Parallel()
	var got []string
	for _, p := range hooks.Walk(newShelf()) {
		got = append(got, p.Kind()+" "+p.Point().Name+" "+p.PayloadType().String())
	}
	want := []string{
		"before book.lend.before hooks_test.draft", "within book.lend.within hooks_test.row", "after book.lent hooks_test.row",
		"filter book.list hooks_test.draft", "after opened hooks_test.deep", "before staff.hire *hooks_test.draft",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAnActionDeclaresItsPointsAtOnce(t *testing.T) {
	t.Parallel()
	lend := &newShelf().Book.Lend
	want := []hooks.Point{
		{Name: "book.lend.before", Doc: "A book is lent.", OnFailure: hooks.Skip, Timeout: time.Second, Writable: []string{"subject", "tags"}},
		{Name: "book.lend.within", Doc: "A book is lent."},
		{Name: "book.lent", Doc: "A book is lent."},
	}
	if got := []hooks.Point{lend.Before.Point(), lend.Within.Point(), lend.After.Point()}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestListenersAreTheDurablePoints(t *testing.T) {
	t.Parallel()
	got := hooks.Listeners(newShelf())
	if len(got) != 1 || got[0].Point().Name != "book.lent" {
		t.Errorf("%v", got)
	}
}

func TestCheckNamesEveryFaultByItsField(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(s *shelf)
		want  []string
	}{
		"a good catalogue": {func(*shelf) {}, nil},
		"an action that was never declared": {
			func(s *shelf) { s.Book.Lend = hooks.Action[draft, row]{} },
			[]string{
				"shelf.Book.Lend.Before has no name", "shelf.Book.Lend.Before has no doc",
				"shelf.Book.Lend.Within has no name", "shelf.Book.Lend.Within has no doc",
				"shelf.Book.Lend.After has no name", "shelf.Book.Lend.After has no doc"}},
		"an action without a name or event": {
			func(s *shelf) { s.Book.Lend.Declare(hooks.Point{Doc: "d"}, "") },
			[]string{"shelf.Book.Lend.Before has no name", "shelf.Book.Lend.Within has no name", "shelf.Book.Lend.After has no name"}},
		"a point without a doc": {
			func(s *shelf) { s.Book.List.Declare(hooks.Point{Name: "book.list", Doc: " "}) },
			[]string{"shelf.Book.List has no doc"}},
		"a name twice": {
			func(s *shelf) { s.Book.List.Declare(hooks.Point{Name: "book.lent", Doc: "d"}) },
			[]string{"shelf.Book.List has the same name as shelf.Book.Lend.After: book.lent"}},
		"a name with spaces": {
			func(s *shelf) { s.Book.List.Declare(hooks.Point{Name: "book list", Doc: "d"}) },
			[]string{`shelf.Book.List has a name with a space or an @ in it: "book list"`}},
		"a writable field that is not there": {
			func(s *shelf) {
				s.Book.List.Declare(hooks.Point{Name: "book.list", Doc: "d", Writable: []string{"Subject", "private"}})
			},
			[]string{`shelf.Book.List calls "Subject" writable, which is no JSON field of hooks_test.draft`,
				`shelf.Book.List calls "private" writable, which is no JSON field of hooks_test.draft`}},
		"writable fields of what has happened": {
			func(s *shelf) { s.Opened.Declare(hooks.Point{Name: "o", Doc: "d", Writable: []string{"Tags"}}) },
			[]string{"shelf.Opened has writable fields, which only a Before or Filter can have"}},
		"a transient filter": {
			func(s *shelf) { s.Book.List.Declare(hooks.Point{Name: "book.list", Doc: "d", Transient: true}) },
			[]string{"shelf.Book.List is transient, which only an After can be"}},
		"pointers that lead nowhere": {
			func(s *shelf) { s.Opened, s.Staff = nil, nil },
			[]string{"shelf.Opened is nil", "shelf.Staff is nil"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf()
			tt.spoil(s)
			var got []string
			if err := hooks.Check(s); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestCheckComparesCatalogues(t *testing.T) {
	t.Parallel()
	other := &struct{ Lend hooks.Before[draft] }{}
	other.Lend.Declare(hooks.Point{Name: "book.lend.before", Doc: "d"})
	err := hooks.Check(newShelf(), other)
	if err == nil || err.Error() != "Lend has the same name as shelf.Book.Lend.Before: book.lend.before" {
		t.Error(err)
	}
}

func TestACatalogueIsAPointerToAStruct(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]any{"nothing": nil, "a value": struct{}{}, "a nil pointer": (*shelf)(nil), "no struct": new(int)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const want = "a catalogue is a pointer to a struct of points"
			if err := hooks.Check(wrong); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Check: %v", err)
			}
			if got := panicText(func() { hooks.Walk(wrong) }); !strings.Contains(got, want) {
				t.Errorf("Walk panics with %q", got)
			}
		})
	}
}

func TestATapSeesEveryKindOfPoint(t *testing.T) {
	t.Parallel()
	s, by := newShelf(), &owner{id: "test"}
	var seen []string
	for _, p := range hooks.Walk(s) {
		hooks.Tap(p, by, "tap", func(_ context.Context, payload any) {
			seen = append(seen, p.Point().Name+" "+reflect.TypeOf(payload).Name())
		}, hooks.At(hooks.Late))
	}
	ctx := t.Context()
	errs := []error{
		s.Book.Lend.Before.Run(ctx, &draft{}),
		s.Book.Lend.Within.Run(ctx, &gorm.DB{}, &row{}),
		s.Book.Lend.After.Consumers()[0].Deliver(ctx, hooks.Envelope{}),
	}
	s.Book.List.Run(ctx, &draft{})
	s.Opened.Run(ctx, hooks.Event[deep]{Data: deep{Owner: &draft{}}})
	want := []string{"book.lend.before draft", "book.lend.within row", "book.lent row", "book.list draft", "opened deep"}
	if !slices.Equal(seen, want) || errs[0] != nil || errs[1] != nil || errs[2] != nil {
		t.Errorf("saw %q, want %q; %v", seen, want, errs)
	}
	by.disable()
	for _, p := range hooks.Walk(s) {
		wantNames(t, p)
	}
}

func TestWordsReadBack(t *testing.T) {
	t.Parallel()
	for _, f := range []hooks.OnFailure{hooks.Abort, hooks.Skip} {
		text, err := f.MarshalText()
		var back hooks.OnFailure
		if err != nil || back.UnmarshalText(text) != nil || back != f {
			t.Errorf("%s reads back as %s", text, back)
		}
	}
	var f hooks.OnFailure
	if err := f.UnmarshalText([]byte("retry")); err == nil {
		t.Error("retry was accepted")
	}
}

package hooks_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/hookdesk/hookdesk/hooks"
)

// owner is a plugin's host as far as a hook is concerned.
type owner struct {
	id   string
	rank int

	mu        sync.Mutex
	onDisable []func()
}

func (o *owner) PluginID() string { return o.id }
func (o *owner) Rank() int        { return o.rank }

func (o *owner) OnDisable(fn func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.onDisable = append(o.onDisable, fn)
}

func (o *owner) disable() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, fn := range o.onDisable {
		fn()
	}
	o.onDisable = nil
}

// draft has no Clone: a copy of it is shallow.
type draft struct {
	Subject string   `json:"subject"`
	Tags    []string `json:"tags"`
	Count   int      `json:"count"`
	private int
}

// deep is all that a shallow copy would share.
type deep struct {
	Tags   []string
	Fields map[string]string
	Owner  *draft
}

func (d deep) Clone() deep {
	who := *d.Owner
	return deep{Tags: slices.Clone(d.Tags), Fields: maps.Clone(d.Fields), Owner: &who}
}

// deepByPointer differs in the receiver of Clone only.
type deepByPointer struct{ Fields map[string]string }

func (d *deepByPointer) Clone() deepByPointer { return deepByPointer{Fields: maps.Clone(d.Fields)} }

var errBoom = errors.New("boom")

// broken are handlers that change the draft and then malfunction.
func broken() map[string]func(context.Context, *draft) error {
	return map[string]func(context.Context, *draft) error{
		"an error": func(_ context.Context, d *draft) error { d.Subject = "half done"; return errBoom },
		"a panic":  func(_ context.Context, d *draft) error { d.Subject = "half done"; panic("boom") },
		"a nil pointer": func(_ context.Context, d *draft) error {
			d.Subject = "half done"
			var nobody *draft
			nobody.Count++
			return nil
		},
		"a veto that is nil inside": func(_ context.Context, d *draft) error {
			d.Subject = "half done"
			return (*hooks.Refusal)(nil)
		},
		"an error that panics when asked": func(_ context.Context, d *draft) error {
			d.Subject = "half done"
			return badError{}
		},
	}
}

type badError struct{}

func (badError) Error() string { panic("no text") }
func (badError) As(any) bool   { panic("no type") }

func appendTo(log *[]string, word string) func(context.Context, *draft) error {
	return func(context.Context, *draft) error { *log = append(*log, word); return nil }
}

func only(t *testing.T, p hooks.Inspector) hooks.HandlerInfo {
	t.Helper()
	infos := p.Handlers()
	if len(infos) != 1 {
		t.Fatalf("%d handlers, want 1: %v", len(infos), infos)
	}
	return infos[0]
}

func names(p hooks.Inspector) []string {
	var all []string
	for _, i := range p.Handlers() {
		all = append(all, i.Name)
	}
	return all
}

func wantNames(t *testing.T, p hooks.Inspector, want ...string) {
	t.Helper()
	if got := names(p); !slices.Equal(got, want) {
		t.Errorf("handlers %q, want %q", got, want)
	}
}

// panicText runs fn and gives the text it panics with, or "".
func panicText(fn func()) (text string) {
	defer func() {
		if s, ok := recover().(string); ok {
			text = s
		}
	}()
	fn()
	return ""
}

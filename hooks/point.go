package hooks

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Owner is on whose behalf a handler is attached: a plugin's host, or core.
type Owner interface {
	// PluginID is the owner's name, such as "sla"; it is never empty.
	PluginID() string
	// Rank is the owner's place in dependency order; core is 0.
	Rank() int
	// OnDisable keeps a function to run once when the owner is switched off or
	// taken away.
	OnDisable(func())
}

// Counted is an Owner that wants to know how many of its handlers run.
type Counted interface {
	InFlight() *atomic.Int64
}

// Point describes one hook point to people and to programs.
type Point struct {
	// Name is what plugins in other processes, settings and logs call the point:
	// "ticket.create.before". The name of an After is the name of its event.
	Name string `json:"name"`
	// Doc says in a sentence when the point runs.
	Doc string `json:"doc"`
	// OnFailure is what a malfunction does at a Before. It has no meaning for the
	// other kinds.
	OnFailure OnFailure `json:"on_failure"`
	// Timeout is how long a handler may take unless it asked for another
	// deadline; 0 means without limit.
	Timeout time.Duration `json:"timeout_ns"`
	// Writable names the JSON fields of the payload that a plugin in another
	// process may change. Handlers in this process are not held to it.
	Writable []string `json:"writable,omitempty"`
	// Transient marks an After that is never logged: its owner calls Run, in this
	// process only, and whoever is not there misses it.
	Transient bool `json:"transient,omitempty"`
}

// OnFailure is what the malfunction of one handler does to the whole operation.
type OnFailure uint8

const (
	// Abort refuses the operation.
	Abort OnFailure = iota
	// Skip carries on as if the handler were not there.
	Skip
)

// String is the word used in settings and JSON: "abort" or "skip".
func (f OnFailure) String() string {
	switch f {
	case Abort:
		return "abort"
	case Skip:
		return "skip"
	}
	return fmt.Sprintf("OnFailure(%d)", uint8(f))
}

// MarshalText writes the word of String.
func (f OnFailure) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads "abort" or "skip" and fails on every other word.
func (f *OnFailure) UnmarshalText(text []byte) error {
	switch string(text) {
	case "abort":
		*f = Abort
	case "skip":
		*f = Skip
	default:
		return fmt.Errorf("%q is neither abort nor skip", text)
	}
	return nil
}

// Slot moves a handler to the front or the back of its point. Few handlers need it.
type Slot int8

const (
	// Early runs before the handlers that asked for nothing.
	Early Slot = -1
	// Normal is where a handler goes that asked for nothing.
	Normal Slot = 0
	// Late runs after the handlers that asked for nothing.
	Late Slot = 1
)

// String is the word used in JSON: "early", "normal" or "late".
func (s Slot) String() string {
	switch s {
	case Early:
		return "early"
	case Normal:
		return "normal"
	case Late:
		return "late"
	}
	return fmt.Sprintf("Slot(%d)", int8(s))
}

// Option adjusts one handler. Options are given to Add by the author, and to
// Override by the operator, whose word is the last.
type Option func(*settings)

// settings is what the point, the author and the operator agreed on.
type settings struct {
	slot      Slot
	timeout   time.Duration
	onFailure OnFailure
	chosen    bool // IfBroken was among the options
	fromStart bool
	raw       func(context.Context, Envelope) error // of Listen: takes what the log holds, unread
}

// At puts a handler into a slot.
func At(s Slot) Option { return func(o *settings) { o.slot = s } }

// Deadline is how long the handler may take, in place of the point's Timeout; 0
// means without limit.
func Deadline(d time.Duration) Option { return func(o *settings) { o.timeout = d } }

// IfBroken replaces the point's OnFailure for one handler of a Before. The other
// kinds have nothing to choose, so their Add panics on it.
func IfBroken(f OnFailure) Option {
	return func(o *settings) { o.onFailure, o.chosen = f, true }
}

// FromStart asks that a new handler of an After be given all events that are
// still kept, from the oldest on, and not only those to come. The Add of other
// kinds panics on it.
func FromStart() Option { return func(o *settings) { o.fromStart = true } }

package external

import (
	"testing"
	"time"
)

func TestACallerWhoLeavesTellsTheBreakerNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := &breaker{}
	for range failuresInRow - 1 {
		b.allow(now)
		b.done(now, true)
	}
	b.allow(now)
	b.left()
	b.allow(now)
	b.done(now, true)
	if !b.isOpen() {
		t.Fatal("the row of failures was broken by a caller who did not wait")
	}
	now = now.Add(openFor)
	if !b.allow(now) {
		t.Fatal("it lets nobody try")
	}
	if b.left(); !b.allow(now) {
		t.Error("the one who tried left, and nobody else may try")
	}
	if b.done(now, true); !b.isOpen() || b.allow(now) {
		t.Error("the trial failed, and it is not open")
	}
}

// Who tries may be a caller that sends a byte now and then.
func TestOneWhoTriesForLongDoesNotKeepTheBreakerOpen(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := &breaker{}
	for range failuresInRow {
		b.allow(now)
		b.done(now, true)
	}
	now = now.Add(openFor)
	if !b.allow(now) || b.allow(now) {
		t.Fatal("it lets nobody try, or more than one")
	}
	now = now.Add(openFor)
	if !b.allow(now) {
		t.Error("nobody else may try")
	}
	if b.done(now, false); b.isOpen() {
		t.Error("one has succeeded, and it is open")
	}
	if b.done(now, true); b.isOpen() {
		t.Error("one failure has opened it")
	}
}

package external

import (
	"sync"
	"time"
)

// breaker spares people the wait for a plugin that keeps failing: after five
// failures in a row, or ten of the last twenty calls, it is open for a while, and
// then lets one call through to see.
type breaker struct {
	mu      sync.Mutex
	recent  [20]bool // true: failed
	count   int
	inRow   int
	openTo  time.Time
	probing time.Time // since when one is under way
}

const (
	failuresInRow = 5
	failuresOf20  = 10
	openFor       = 10 * time.Second
)

// allow reports whether a call may be made. Each that is must be followed by done,
// or by left.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.openTo.IsZero():
		return true
	case now.Before(b.openTo), now.Sub(b.probing) < openFor: // who tries may take as long as a caller likes
		return false
	}
	b.probing = now
	return true
}

func (b *breaker) done(now time.Time, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.openTo.IsZero() {
		b.probing, b.openTo = time.Time{}, time.Time{}
		if failed {
			b.openTo = now.Add(openFor)
			return
		}
		b.clear()
		return
	}
	b.recent[b.count%len(b.recent)] = failed
	b.count++
	if b.inRow++; !failed {
		b.inRow = 0
	}
	if b.inRow >= failuresInRow || b.failures() >= failuresOf20 {
		b.openTo = now.Add(openFor)
	}
}

// left ends a call for whose answer the caller did not wait: nobody knows what it
// would have been.
func (b *breaker) left() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = time.Time{}
}

func (b *breaker) failures() (n int) {
	for _, failed := range b.recent {
		if failed {
			n++
		}
	}
	return n
}

func (b *breaker) clear() { b.recent, b.count, b.inRow = [20]bool{}, 0, 0 }

// isOpen reports whether calls are being refused, but for one that tries.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.openTo.IsZero()
}

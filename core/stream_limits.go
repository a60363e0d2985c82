package core

import (
	"context"
	"time"
)

// StreamLimits are how many streams of GET /api/events may be open at once in
// one process; who wants one more is told to come later. 0 is the default, and
// below 0 there is no limit.
type StreamLimits struct {
	// PerIdentity is for one user, or one guest's token; default 20.
	PerIdentity int
	// PerAddress is for one address, as r.RemoteAddr has it; default 200. Behind a
	// proxy all callers share an address: there a desk wants -1, unless the host
	// sets r.RemoteAddr from the header that its proxy writes.
	PerAddress int
	// PerDesk is for all; default 20,000. Each holds a connection, thus a file.
	PerDesk int
}

func (l StreamLimits) orDefaults() StreamLimits {
	for n, usual := range map[*int]int{&l.PerIdentity: 20, &l.PerAddress: 200, &l.PerDesk: 20_000} {
		if *n == 0 {
			*n = usual
		}
	}
	return l
}

// starting is how long a browser is let wait for a desk that starts: one that is
// turned away for that does not come back by itself.
const starting = 5 * time.Second

// enter admits a listener, once the desk feeds. Where a limit is reached, those
// make room who have gone without a word: it is found out only by writing to them.
func (s *streams) enter(ctx context.Context, l *listener) error {
	s.await(ctx)
	err := s.admit(l)
	if KindOf(err) == TooMany && s.dropGone(l) {
		err = s.admit(l)
	}
	return err
}

func (s *streams) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	for ctx.Err() == nil {
		s.mu.Lock()
		settled := s.open || s.over
		s.mu.Unlock()
		if settled {
			return
		}
		pause(ctx, gather)
	}
}

// dropGone lets those leave who share an identity or an address with like and are
// not there any more.
func (s *streams) dropGone(like *listener) (some bool) {
	s.mu.Lock()
	all := s.joined()
	s.mu.Unlock()
	for _, l := range all {
		if (l.key == like.key || l.address == like.address) && l.gone() {
			s.leave(l)
			some = true
		}
	}
	return some
}

func (l *listener) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended || l.raw != nil && l.raw.gone()
}

// reached reports whether so many are the limit.
func reached(limit, n int) bool { return limit >= 0 && n >= limit }

// admit counts a listener in, within the limits. It fails with Unavailable while
// nothing feeds, and with TooMany.
func (s *streams) admit(l *listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return &Error{Kind: Unavailable, Message: "the desk does not run: there is nothing to listen to", RetryAfter: retryAfter}
	}
	if reached(s.limits.PerIdentity, s.byKey[l.key]) || reached(s.limits.PerAddress, s.byAddress[l.address]) || reached(s.limits.PerDesk, len(s.admitted)) {
		return &Error{Kind: TooMany, Message: "too many streams are open: close some, or poll", RetryAfter: retryAfter}
	}
	s.admitted[l] = false
	s.byKey[l.key]++
	s.byAddress[l.address]++
	return nil
}

// join lets a listener hear what comes, unless it has still to be told of what
// was sent meanwhile.
func (s *streams) join(l *listener, told int64) (joined, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if joined = s.open && told >= s.pos; joined {
		l.told = told
		s.admitted[l] = true
	}
	return joined, s.open
}

// joined lists who hears what comes. The lock is held.
func (s *streams) joined() []*listener {
	all := make([]*listener, 0, len(s.admitted))
	for l, joined := range s.admitted {
		if joined {
			all = append(all, l)
		}
	}
	return all
}

// leave gives a listener's place free, once: one that is cut may have a
// goroutine that leaves as well, and must not give away the place of another.
func (s *streams) leave(l *listener) {
	s.mu.Lock()
	if _, counted := s.admitted[l]; counted {
		delete(s.admitted, l)
		less(s.byKey, l.key)
		less(s.byAddress, l.address)
	}
	s.mu.Unlock()
	l.end()
}

func less(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

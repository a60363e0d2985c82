package external

import (
	"context"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// replace asks the loop for a new process.
func (s *supervisor) replace(ctx context.Context) error {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if ended == nil {
		return core.Errorf(core.Conflict, "the plugin does not run: it is off, or the desk is")
	}
	answer := make(chan error, 1)
	select {
	case s.again <- answer:
	case <-ended:
		return core.Errorf(core.Conflict, "the plugin does not run: it is off, or the desk is")
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		if err != nil {
			err = core.Errorf(core.Conflict, "the new process is not taken: %v", err)
		}
		return err
	case <-ended:
		return core.Errorf(core.Unavailable, "the desk stops")
	}
}

func (s *supervisor) set(state string, proc *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.become(state, proc)
}

// become notes a state, for which s.mu is held.
func (s *supervisor) become(state string, proc *process) {
	s.state, s.proc, s.since = state, proc, s.p.clock.Now()
	close(s.turn)
	s.turn = make(chan struct{})
}

// await waits for a process while there may soon be one: between its ends, and
// before the first.
func (s *supervisor) await(ctx context.Context, limit time.Duration) {
	turn := s.nextTurn()
	if turn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ; turn != nil; turn = s.nextTurn() {
		select {
		case <-turn:
		case <-ctx.Done():
			return
		}
	}
}

// nextTurn is closed when the state changes; nil: there is a process, or there will
// not soon be one.
func (s *supervisor) nextTurn() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil || s.state == quarantined || s.state == draining {
		return nil
	}
	return s.turn
}

func (s *supervisor) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

// borrow is current for a call, which a process that is replaced waits for: give it
// back when the call is over.
func (s *supervisor) borrow() (proc *process, giveBack func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil, func() {}
	}
	s.proc.calls.Add(1)
	return s.proc, s.proc.calls.Done
}

func (s *supervisor) status() core.Process {
	now := s.p.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	since := core.TimeOf(s.since)
	out := core.Process{State: s.state, Since: &since, Restarts: s.restarts, LastError: s.lastErr}
	if s.proc != nil {
		out.PID, out.SHA256 = s.proc.pid(), s.proc.sum
	}
	if s.p.err != nil {
		out.LastError = s.p.err.Error()
	}
	if s.state == ready && s.breaker.isOpen(now) {
		out.State = degraded
	}
	return out
}

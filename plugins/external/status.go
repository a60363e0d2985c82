package external

import (
	"context"
	"errors"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
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

// await waits for a process that is being started, or is about to be for the first
// time. What is patient also waits between its ends.
func (s *supervisor) await(ctx context.Context, limit time.Duration, patient bool) {
	turn := s.nextTurn(patient)
	if turn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ; turn != nil; turn = s.nextTurn(patient) {
		select {
		case <-turn:
		case <-ctx.Done():
			return
		}
	}
}

// nextTurn is closed when the state changes; nil: it is not worth the wait.
func (s *supervisor) nextTurn(patient bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	soon := s.state == starting || s.state == stopped || patient && s.state == backoff
	if s.proc != nil || s.leaving || !soon {
		return nil
	}
	return s.turn
}

// expect is called before the handlers are attached whose calls may come at once.
func (s *supervisor) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = false
}

// absent tells a call that there is no process for it. Once the plugin is being
// switched off, that a delivery still comes is no failure of its handler.
func (s *supervisor) absent() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.unavailable("it does not run")
	if s.leaving {
		return errors.Join(err, hooks.ErrRemoved)
	}
	return err
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
	if s.state == ready && (s.proc.breaker.isOpen() || s.proc.routes.isOpen()) {
		out.State = degraded
	}
	return out
}

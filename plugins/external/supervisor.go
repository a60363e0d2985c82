package external

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// The states of a plugin's process, as core.Process shows them.
const (
	stopped     = "stopped"
	starting    = "starting"
	ready       = "ready"
	degraded    = "degraded" // ready, but the breaker is open
	draining    = "draining"
	backoff     = "backoff"
	quarantined = "quarantined" // it died too often: a person has to say Restart
)

const (
	settingsEvery = 500 * time.Millisecond
	longestPause  = time.Minute
	crashWindow   = 10 * time.Minute
	crashLimit    = 5
	drainTime     = 4 * time.Second // for calls that have begun
	stopTime      = time.Second     // for the process to end by itself then
	maxOverdue    = 5 * time.Second
	afterDesk     = 15 * time.Second // that a process may outlast a desk which does not stop in order
)

// supervisor keeps one process of the plugin running.
type supervisor struct {
	p     *Plugin
	calls calls

	mu       sync.Mutex
	state    string
	since    time.Time
	turn     chan struct{} // closed at the next change of state
	proc     *process      // that takes calls; nil: none
	leaving  bool          // switched off, or about to be
	restarts int
	crashes  []time.Time
	lastErr  string
	again    chan chan error // Restart
	end      context.CancelFunc
	ended    chan struct{}
}

func newSupervisor(p *Plugin) *supervisor {
	return &supervisor{
		p: p, state: stopped, since: p.clock.Now(), turn: make(chan struct{}), again: make(chan chan error),
		calls: calls{open: map[string]context.Context{}},
	}
}

// start implements what Host.OnStart wants: it waits for the first process, but not
// for one that fails: that is the plugin's own problem.
func (s *supervisor) start(ctx context.Context) error {
	outer := ctx
	ctx, end := context.WithCancel(context.WithoutCancel(ctx)) // what the desk does last may still need the process
	context.AfterFunc(outer, func() { time.AfterFunc(afterDesk, end) })
	first, ended := make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	s.end, s.ended = end, ended
	s.crashes, s.restarts = nil, 0
	s.mu.Unlock()
	go func() {
		defer close(ended)
		defer end()
		s.keep(ctx, sync.OnceFunc(func() { close(first) }))
	}()
	select {
	case <-first:
	case <-outer.Done():
	}
	return nil
}

// stop ends the process, when the plugin is switched off.
func (s *supervisor) stop() {
	s.mu.Lock()
	s.leaving = true
	end, ended := s.end, s.ended
	s.mu.Unlock()
	if end != nil {
		end()
		<-ended
	}
}

// keep runs process after process until ctx ends; tried is called after the first.
func (s *supervisor) keep(ctx context.Context, tried func()) {
	defer s.set(stopped, nil)
	defer tried()
	pause := s.p.o.backoff
	for ctx.Err() == nil {
		s.set(starting, nil)
		proc, err := s.launch(ctx)
		if err == nil {
			s.take(proc)
			began := s.p.clock.Now()
			tried()
			err = s.watch(ctx)
			if s.p.clock.Now().Sub(began) > longestPause {
				pause = s.p.o.backoff
			}
		}
		if ctx.Err() != nil {
			return
		}
		tried()
		s.crashed(err)
		if !s.rest(ctx, pause) {
			pause = s.p.o.backoff // somebody said Restart
			continue
		}
		pause = min(2*pause, longestPause)
	}
}

// launch starts a process that is ready to be called.
func (s *supervisor) launch(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, s.p.o.start)
	defer cancel()
	proc, told, err := s.p.launch(ctx, s.p.path, logWriter{s.p})
	if err != nil {
		return nil, err
	}
	if err = s.sameAs(told); err == nil {
		err = s.p.serveHost(proc)
	}
	if err == nil {
		err = s.configure(ctx, proc)
	}
	if err != nil {
		proc.kill()
		return nil, err
	}
	proc.batch = newBatcher(proc)
	return proc, nil
}

// sameAs refuses a binary that is another plugin, or one that needs the desk to
// start anew.
func (s *supervisor) sameAs(told *protocol.Manifest) error {
	was := s.p.told
	switch {
	case told.GetId() != was.GetId():
		return fmt.Errorf("the binary is now the plugin %q, not %q", told.GetId(), was.GetId())
	case told.GetSettingsSchema() != was.GetSettingsSchema(), !equal(told.GetRoutes(), was.GetRoutes()), !equal(told.GetJobs(), was.GetJobs()),
		!equal(told.GetHandlers(), was.GetHandlers()):
		return errors.New("its settings, routes, jobs or handlers are others than those of the binary that the desk started with: restart the desk for this version")
	}
	return nil
}

func equal[T fmt.Stringer](a, b []T) bool {
	return slices.EqualFunc(a, b, func(x, y T) bool { return x.String() == y.String() })
}

// take lets a process answer from now on, and gives back the one that did.
func (s *supervisor) take(proc *process) (old *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = s.proc
	s.become(ready, proc)
	return old
}

// watch looks after the process that is taken until it ends, or has to. It returns
// with none running.
func (s *supervisor) watch(ctx context.Context) error {
	health, look := s.p.clock.NewTicker(s.p.o.health), s.p.clock.NewTicker(settingsEvery)
	defer health.Stop()
	defer look.Stop()
	missed := 0
	for {
		proc := s.current()
		select {
		case <-ctx.Done():
			s.retire(proc)
			return nil
		case <-proc.run.gone():
			s.drop()
			return errors.Join(errors.New("the process ended"), proc.run.Wait(ctx))
		case answer := <-s.again:
			answer <- s.swap(ctx)
			missed = 0 // it may be another process now
		case <-look.Chan():
			if err := s.update(ctx, proc); err != nil {
				s.drop()
				return err
			}
		case <-health.Chan():
			if err := s.healthy(ctx, proc); err == nil {
				missed = 0
			} else if missed++; missed >= 2 {
				s.drop()
				return err
			}
		}
	}
}

// healthy asks the process how it is, in the queue of its own work.
func (s *supervisor) healthy(ctx context.Context, proc *process) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := proc.Health(ctx, &protocol.HealthRequest{})
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if over := time.Duration(reply.GetOverdueMs()) * time.Millisecond; over > maxOverdue {
		return fmt.Errorf("health: a call is %s over its deadline", over)
	}
	return nil
}

// swap puts a new process in the place of the old one, which finishes what it has
// begun.
func (s *supervisor) swap(ctx context.Context) error {
	next, err := s.launch(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.restarts++
	s.mu.Unlock()
	s.retire(s.take(next))
	return nil
}

// retire lets a process finish, and ends it.
func (s *supervisor) retire(proc *process) {
	s.mu.Lock()
	if s.proc == proc {
		s.become(draining, nil)
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime+stopTime)
	defer cancel()
	proc.idle(ctx, drainTime)
	if _, err := proc.Stop(ctx, &protocol.StopRequest{}); err != nil {
		s.p.host.Log().InfoContext(ctx, "an external plugin did not stop by itself", "err", err)
	}
	proc.kill()
}

// drop ends a process that is of no more use.
func (s *supervisor) drop() {
	s.mu.Lock()
	proc := s.proc
	s.become(backoff, nil) // it is ready no more
	s.mu.Unlock()
	if proc != nil {
		proc.kill()
	}
}

// rest waits before the next start, for good after too many crashes. It reports
// false when somebody said Restart meanwhile.
func (s *supervisor) rest(ctx context.Context, pause time.Duration) bool {
	wait := s.p.clock.After(time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64())))
	if s.tooMany() {
		wait = nil
		s.set(quarantined, nil)
		s.p.host.Log().ErrorContext(ctx, "an external plugin died too often: it stays stopped until an admin restarts it", "crashes", crashLimit, "within", crashWindow)
	}
	for {
		select {
		case <-ctx.Done():
			return true
		case <-wait:
			return true
		case answer := <-s.again:
			proc, err := s.launch(ctx)
			answer <- err
			if err == nil {
				proc.kill() // that it can start is known now; the loop starts the one that stays
				s.mu.Lock()
				s.crashes = nil
				s.mu.Unlock()
				return false
			}
			s.failed(err)
		}
	}
}

func (s *supervisor) crashed(err error) {
	now := s.p.clock.Now()
	s.failed(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restarts++
	s.crashes = append(s.crashes, now)
	s.become(backoff, nil)
}

func (s *supervisor) failed(err error) {
	s.p.host.Log().Error("an external plugin failed", "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastErr = fmt.Sprint(err)
}

func (s *supervisor) tooMany() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.p.clock.Now()
	s.crashes = slices.DeleteFunc(s.crashes, func(at time.Time) bool { return now.Sub(at) > crashWindow })
	return len(s.crashes) >= crashLimit
}

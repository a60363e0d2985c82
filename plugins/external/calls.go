package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// calls knows the contexts of what the plugin is doing, so that what it asks of the
// desk meanwhile is done as its consequence.
type calls struct {
	mu   sync.Mutex
	last uint64
	open map[string]context.Context
}

// begin names a call. The name is no secret: it tells a plugin its own calls apart.
func (c *calls) begin(ctx context.Context) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	id = strconv.FormatUint(c.last, 36)
	c.open[id] = ctx //nolint:fatcontext // it is deleted when the call ends
	return id
}

func (c *calls) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, id)
}

// during is the context of a call that still runs.
func (c *calls) during(id string) (context.Context, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, ok := c.open[id]
	return ctx, ok
}

// unavailable tells a person what the matter is; what it is exactly is in the log.
func (s *supervisor) unavailable(why string) error {
	return &core.Error{Kind: core.Unavailable, Code: "plugin_unavailable", Message: s.p.manifest.Name + " is not available at the moment, try again (" + why + ")"}
}

// ask makes a call of a process, unless there is none or it fails all the time. The
// call itself keeps to the limit.
func (s *supervisor) ask(ctx context.Context, limit time.Duration, call func(*process) error) error {
	proc, giveBack := s.borrow()
	defer giveBack()
	if proc == nil {
		return s.absent()
	}
	if !proc.breaker.allow(s.p.clock.Now()) {
		return s.unavailable("it failed too often")
	}
	err := call(proc)
	if err != nil && ctx.Err() != nil {
		proc.breaker.left() // it is the caller who did not wait
	} else {
		proc.breaker.done(s.p.clock.Now(), err != nil)
	}
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.DeadlineExceeded:
		return fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
	case codes.Unavailable:
		return errors.Join(s.unavailable("it has just ended"), err)
	default:
		return errors.New(status.Convert(err).Message())
	}
}

// invoke runs a handler of a Before or Filter.
func (s *supervisor) invoke(ctx context.Context, limit time.Duration, h *protocol.Handler, payload json.RawMessage) (json.RawMessage, error) {
	who, err := json.Marshal(core.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	id := s.calls.begin(ctx)
	defer s.calls.end(id)
	in := &protocol.Invocation{Id: id, Point: h.GetPoint(), Handler: h.GetName(), Payload: payload, Actor: string(who)}
	s.await(ctx, limit, false) // what the wait has taken of the handler's deadline is not the plugin's fault
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out *protocol.Answer
	err = s.ask(ctx, limit, func(proc *process) (err error) {
		out, err = proc.Invoke(limited, in)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case out.GetVeto() != nil:
		return nil, hooks.Veto(out.GetVeto().GetCode(), out.GetVeto().GetMessage())
	}
	return out.GetPatch(), nil
}

// deliver hands an event to a handler of an After, in a batch with whatever else is
// on its way. An event can wait: that the process is being started is no failure.
func (s *supervisor) deliver(ctx context.Context, limit time.Duration, handler string, e hooks.Envelope) error {
	s.await(ctx, limit, true)
	id := s.calls.begin(ctx)
	defer s.calls.end(id)
	return s.ask(ctx, limit, func(proc *process) error {
		return proc.batch.send(ctx, limit, &protocol.Delivery{Id: id, Handler: handler, Event: protocol.Wrap(e)})
	})
}

// run carries out a job.
func (s *supervisor) run(ctx context.Context, name string) error {
	s.await(ctx, s.p.o.start, true)
	id := s.calls.begin(ctx)
	defer s.calls.end(id)
	return s.ask(ctx, s.p.o.job, func(proc *process) error {
		ctx, cancel := context.WithTimeout(ctx, s.p.o.job)
		defer cancel()
		_, err := proc.Run(ctx, &protocol.JobRun{Id: id, Name: name})
		return err
	})
}

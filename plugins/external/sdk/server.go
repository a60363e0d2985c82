package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// atOnce is how many handlers run at the same time. Health waits among them, so a
// plugin whose handlers all hang is not taken for a healthy one.
const atOnce = 64

// server answers the desk.
type server struct {
	protocol.UnimplementedPluginServer

	h       *host
	workers chan struct{}
	crew    crew
	actors  actors
	web     *http.Server

	mu      sync.Mutex
	started bool
	until   context.Context //nolint:containedctx // what OnStart was given: it ends with Stop
	end     context.CancelFunc
	running map[*call]bool
	calls   sync.WaitGroup
}

// call is a handler at work.
type call struct{ deadline time.Time }

func newServer(h *host) *server {
	s := &server{h: h, workers: make(chan struct{}, atOnce), crew: crew{next: make(chan func())}, running: map[*call]bool{}}
	s.until, s.end = context.WithCancel(context.Background())
	s.web = &http.Server{Handler: h.rest, ReadHeaderTimeout: time.Minute}
	return s
}

// Configure implements protocol.PluginServer.
func (s *server) Configure(_ context.Context, in *protocol.Configuration) (*protocol.Ready, error) {
	if in.GetProtocol() != protocol.Version {
		return nil, wrongVersion([]uint32{in.GetProtocol()})
	}
	s.h.mu.Lock()
	s.h.settings = json.RawMessage(in.GetSettings())
	s.h.mu.Unlock()
	if err := s.h.link.open(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return &protocol.Ready{}, nil
	}
	if err := s.serveRoutes(in.GetHttpSocket()); err != nil {
		return nil, err
	}
	for _, start := range s.h.starts {
		if err := guard(func() error { return start(s.h.As(s.until)) }); err != nil {
			return nil, fmt.Errorf("start of plugin %s: %w", s.h.manifest.ID, err)
		}
	}
	s.started = true
	return &protocol.Ready{}, nil
}

func (s *server) serveRoutes(socket string) error {
	if len(s.h.routes()) == 0 {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(s.until, "unix", socket)
	if err != nil {
		return err
	}
	go func() { _ = s.web.Serve(l) }() // it ends with the process
	return nil
}

// work runs fn as one of atOnce; it fails when ctx ends before its turn comes.
func (s *server) work(ctx context.Context, id string, fn func(context.Context) error) error {
	select {
	case s.workers <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.workers }()
	c := &call{}
	c.deadline, _ = ctx.Deadline() // none is never late
	s.mu.Lock()
	s.running[c] = true
	s.calls.Add(1)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.running, c)
		s.mu.Unlock()
		s.calls.Done()
	}()
	return guard(func() error { return fn(context.WithValue(ctx, duringKey{}, id)) })
}

// Invoke implements protocol.PluginServer.
func (s *server) Invoke(ctx context.Context, in *protocol.Invocation) (*protocol.Answer, error) {
	out := &protocol.Answer{}
	err := s.work(ctx, in.GetId(), func(ctx context.Context) error {
		who, err := s.actors.of(in.GetActor())
		if err != nil {
			return fmt.Errorf("read the actor: %w", err)
		}
		patch, err := s.h.call(core.As(ctx, who), in.GetPoint(), in.GetHandler(), in.GetPayload())
		out.Patch = patch
		return err
	})
	if veto, ok := errors.AsType[*hooks.Refusal](err); ok {
		return &protocol.Answer{Veto: &protocol.Veto{Code: veto.Code, Message: veto.Message}}, nil
	}
	return out, crossing(err)
}

// Deliver implements protocol.PluginServer.
func (s *server) Deliver(in *protocol.Batch, out grpc.ServerStreamingServer[protocol.Results]) error {
	ctx := out.Context()
	done := make(chan *protocol.Result, len(in.GetDeliveries()))
	s.crew.each(len(in.GetDeliveries()), func(i int) {
		d := in.GetDeliveries()[i]
		result := &protocol.Result{Id: d.GetId()}
		if err := s.work(ctx, d.GetId(), func(ctx context.Context) error { return s.h.deliver(ctx, d) }); err != nil {
			result.Error = err.Error()
		}
		done <- result
	})
	for open := len(in.GetDeliveries()); open > 0; {
		batch := &protocol.Results{Results: []*protocol.Result{<-done}}
		for more := true; more; { // what is about to be done comes along
			runtime.Gosched()
			more = len(done) > 0
			for range len(done) {
				batch.Results = append(batch.Results, <-done)
			}
		}
		open -= len(batch.GetResults())
		if err := out.Send(batch); err != nil {
			return err
		}
	}
	return nil
}

// Run implements protocol.PluginServer.
func (s *server) Run(ctx context.Context, in *protocol.JobRun) (*protocol.JobDone, error) {
	for _, j := range s.h.jobs {
		if j.name == in.GetName() {
			return &protocol.JobDone{}, crossing(s.work(ctx, in.GetId(), func(ctx context.Context) error { return j.fn(s.h.As(ctx)) }))
		}
	}
	return nil, status.Errorf(codes.NotFound, "no job %s", in.GetName())
}

// Health implements protocol.PluginServer.
func (s *server) Health(ctx context.Context, _ *protocol.HealthRequest) (*protocol.HealthReply, error) {
	out := &protocol.HealthReply{}
	err := s.work(ctx, "", func(context.Context) error {
		now := s.h.clock.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.running {
			if over := now.Sub(c.deadline); !c.deadline.IsZero() && over > 0 {
				out.OverdueMs = max(out.GetOverdueMs(), uint64(over.Milliseconds()))
			}
		}
		return nil
	})
	return out, crossing(err)
}

// Stop implements protocol.PluginServer.
func (s *server) Stop(ctx context.Context, _ *protocol.StopRequest) (*protocol.Stopped, error) {
	s.end()
	s.h.disable()
	_ = s.web.Shutdown(ctx) // what is not answered in time is cut
	idle := make(chan struct{})
	go func() { s.calls.Wait(); close(idle) }()
	select {
	case <-idle:
		return &protocol.Stopped{}, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

func (h *host) disable() {
	h.mu.Lock()
	undo := h.undo
	h.undo = nil
	h.mu.Unlock()
	for _, fn := range undo {
		fn()
	}
}

func wrongVersion(asked []uint32) error {
	return status.Errorf(codes.FailedPrecondition, "this plugin speaks version %d of the protocol, the desk %v", protocol.Version, asked)
}

// crossing is an error that the desk is told.
func crossing(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Internal, err.Error())
}

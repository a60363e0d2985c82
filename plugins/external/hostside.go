package external

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// hostSide answers what a plugin asks of the desk.
type hostSide struct {
	protocol.UnimplementedHostServer

	p *Plugin
}

// serveHost opens the socket on which the process finds the desk.
func (p *Plugin) serveHost(proc *process) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", proc.hostSocket())
	if err != nil {
		return err
	}
	proc.host = grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage),
		grpc.UnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := checkToken(ctx, proc.token); err != nil {
				return nil, err
			}
			return next(ctx, in)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := checkToken(stream.Context(), proc.token); err != nil {
				return err
			}
			return next(srv, stream)
		}))
	protocol.RegisterHostServer(proc.host, &hostSide{p: p})
	go func() { _ = proc.host.Serve(l) }() // until proc.host.Stop
	return nil
}

func checkToken(ctx context.Context, want string) error {
	md, _ := metadata.FromIncomingContext(ctx) // none has no token
	got := md.Get(protocol.TokenKey)
	if len(got) != 1 || subtle.ConstantTimeCompare([]byte(got[0]), []byte(want)) != 1 {
		return status.Error(codes.Unauthenticated, "the metadata "+protocol.TokenKey+" is not the token of the configuration")
	}
	return nil
}

// as is the context in which the plugin acts: that of the call of the desk's in
// which it asks, as the consequence of whatever led to it, or else by itself.
func (s *hostSide) as(ctx context.Context, during string) context.Context {
	if open, ok := s.p.sup.calls.during(during); ok {
		if who := core.ActorFrom(open); who.Plugin == s.p.host.PluginID() {
			return core.As(ctx, who)
		}
	}
	return s.p.host.As(ctx)
}

// Call implements protocol.HostServer.
func (s *hostSide) Call(ctx context.Context, in *protocol.CallRequest) (*protocol.CallReply, error) {
	if !strings.HasPrefix(in.GetPath(), "/") {
		return nil, status.Error(codes.InvalidArgument, "the path must begin with /")
	}
	r, err := http.NewRequestWithContext(s.as(ctx, in.GetDuring()), in.GetMethod(), in.GetPath(), bytes.NewReader(in.GetBody()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	for name, value := range in.GetHeaders() {
		r.Header.Set(name, value)
	}
	w := protocol.NewRecorder()
	s.p.host.API().ServeHTTP(w, r)
	if w.Status() == http.StatusForbidden {
		s.p.words.log(ctx, s.p.host.Log(), slog.LevelWarn, "an external plugin was refused what it asked for",
			"method", in.GetMethod(), "path", cut(in.GetPath()), "answer", cut(w.Body.String()))
	}
	out := &protocol.CallReply{Status: int32(w.Status()), Headers: map[string]string{}, Body: w.Body.Bytes()}
	for name := range w.Header() {
		out.Headers[name] = strings.Join(w.Header().Values(name), ", ")
	}
	if w.Body.Len() > maxMessage-1<<16 {
		return nil, status.Errorf(codes.ResourceExhausted, "the answer has %d bytes, too many to cross", w.Body.Len())
	}
	return out, nil
}

// Get implements protocol.HostServer.
func (s *hostSide) Get(ctx context.Context, in *protocol.Key) (*protocol.Value, error) {
	v, err := s.p.host.KV().Get(s.as(ctx, in.GetDuring()), in.GetKey())
	return wireValue(v), wireError(err)
}

// Put implements protocol.HostServer.
func (s *hostSide) Put(ctx context.Context, in *protocol.Value) (*protocol.Value, error) {
	v := core.Value{Key: in.GetKey(), Value: json.RawMessage(in.GetValue()), Version: in.GetVersion()}
	if in.GetExpiresMs() != 0 {
		at := core.TimeOf(time.UnixMilli(in.GetExpiresMs()))
		v.ExpiresAt = &at
	}
	v, err := s.p.host.KV().Put(s.as(ctx, in.GetDuring()), v)
	return wireValue(v), wireError(err)
}

// Delete implements protocol.HostServer.
func (s *hostSide) Delete(ctx context.Context, in *protocol.Key) (*protocol.Deleted, error) {
	return &protocol.Deleted{}, wireError(s.p.host.KV().Delete(s.as(ctx, in.GetDuring()), in.GetKey(), in.GetVersion()))
}

// List implements protocol.HostServer.
func (s *hostSide) List(ctx context.Context, in *protocol.Range) (*protocol.Values, error) {
	values, err := s.p.host.KV().List(s.as(ctx, in.GetDuring()), in.GetPrefix(), in.GetAfter(), int(in.GetLimit()))
	out := &protocol.Values{}
	for _, v := range values {
		out.Values = append(out.Values, wireValue(v))
	}
	return out, wireError(err)
}

func wireValue(v core.Value) *protocol.Value {
	out := &protocol.Value{Key: v.Key, Value: string(v.Value), Version: v.Version}
	if v.ExpiresAt != nil {
		out.ExpiresMs = v.ExpiresAt.UnixMilli()
	}
	return out
}

// wireError is an error as the plugin is told it.
func wireError(err error) error {
	if err == nil {
		return nil
	}
	code := codes.Internal
	switch core.KindOf(err) {
	case core.NotFound:
		code = codes.NotFound
	case core.Conflict:
		code = codes.Aborted
	case core.Invalid:
		code = codes.InvalidArgument
	case core.Forbidden:
		code = codes.PermissionDenied
	case core.Unavailable:
		code = codes.Unavailable
	default:
	}
	return status.Error(code, err.Error())
}

// Log implements protocol.HostServer.
func (s *hostSide) Log(in grpc.ClientStreamingServer[protocol.LogRecord, protocol.LogEnd]) error {
	for {
		r, err := in.Recv()
		if err == io.EOF { //nolint:errorlint // gRPC gives the very value
			return in.SendAndClose(&protocol.LogEnd{})
		}
		if err != nil {
			return err
		}
		var attributes map[string]any
		if err := json.Unmarshal([]byte(r.GetAttributes()), &attributes); err != nil || len(r.GetAttributes()) > maxLine {
			attributes = map[string]any{"attributes": cut(r.GetAttributes())}
		}
		var args []any
		for name, value := range attributes {
			args = append(args, name, value)
		}
		s.p.words.log(in.Context(), s.p.host.Log(), slog.Level(r.GetLevel()), cut(r.GetMessage()), args...)
	}
}

// logWriter puts the lines that a process writes by itself into the desk's log.
type logWriter struct{ p *Plugin }

func (w logWriter) Write(p []byte) (int, error) {
	w.p.words.log(context.Background(), w.p.host.Log(), slog.LevelWarn, "an external plugin wrote a line", "line", strings.TrimSpace(string(p)))
	return len(p), nil
}

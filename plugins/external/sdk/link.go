package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/rest"
)

// link is the way back to the desk, open from Configure on.
type link struct {
	mu    sync.Mutex
	conn  *grpc.ClientConn
	token string
	key   []byte // of signed requests
	logs  logs
}

var errUnconfigured = errors.New("sdk: the desk has not configured the plugin yet: ask it in OnStart or later")

// open connects to the desk once; afterwards it only takes what may have changed.
func (l *link) open(c *protocol.Configuration) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token, l.key = c.GetToken(), c.GetIdentityKey()
	if l.conn == nil {
		l.conn, err = grpc.NewClient("unix:"+c.GetHostSocket(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithIdleTimeout(0))
	}
	return err
}

func (l *link) identityKey() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.key
}

// client is the desk, in a context that says who asks.
func (l *link) client(ctx context.Context) (context.Context, protocol.HostClient, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return ctx, nil, errUnconfigured
	}
	return metadata.AppendToOutgoingContext(ctx, protocol.TokenKey, l.token), protocol.NewHostClient(l.conn), nil
}

type duringKey struct{}

// during names the call of the desk's in which ctx runs.
func during(ctx context.Context) string {
	id, _ := ctx.Value(duringKey{}).(string) // none is none
	return id
}

// remoteAPI sends requests to the desk's routes.
type remoteAPI struct{ link *link }

func (a remoteAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply, err := a.call(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(reply.GetHeaders())) {
		w.Header().Set(name, reply.GetHeaders()[name])
	}
	w.WriteHeader(int(reply.GetStatus()))
	w.Write(reply.GetBody())
}

func (a remoteAPI) call(r *http.Request) (*protocol.CallReply, error) {
	ctx, client, err := a.link.client(r.Context())
	if err != nil {
		return nil, err
	}
	in := &protocol.CallRequest{During: during(ctx), Method: r.Method, Path: r.URL.RequestURI(), Headers: map[string]string{}}
	for name := range r.Header {
		in.Headers[name] = strings.Join(r.Header.Values(name), ", ")
	}
	if r.Body != nil {
		if in.Body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	return client.Call(ctx, in)
}

// remoteKV implements core.KV.
type remoteKV struct{ link *link }

func (s remoteKV) Get(ctx context.Context, key string) (core.Value, error) {
	ctx, client, err := s.link.client(ctx)
	if err != nil {
		return core.Value{}, err
	}
	v, err := client.Get(ctx, &protocol.Key{During: during(ctx), Key: key})
	return valueOf(v), reasonOf(err)
}

func (s remoteKV) Put(ctx context.Context, v core.Value) (core.Value, error) {
	ctx, client, err := s.link.client(ctx)
	if err != nil {
		return v, err
	}
	in := &protocol.Value{During: during(ctx), Key: v.Key, Value: string(v.Value), Version: v.Version}
	if v.ExpiresAt != nil {
		in.ExpiresMs = v.ExpiresAt.UnixMilli()
	}
	out, err := client.Put(ctx, in)
	if err != nil {
		return v, reasonOf(err)
	}
	return valueOf(out), nil
}

func (s remoteKV) Delete(ctx context.Context, key string, version int64) error {
	ctx, client, err := s.link.client(ctx)
	if err != nil {
		return err
	}
	_, err = client.Delete(ctx, &protocol.Key{During: during(ctx), Key: key, Version: version})
	return reasonOf(err)
}

func (s remoteKV) List(ctx context.Context, prefix, after string, limit int) ([]core.Value, error) {
	ctx, client, err := s.link.client(ctx)
	if err != nil {
		return nil, err
	}
	in := &protocol.Range{During: during(ctx), Prefix: prefix, After: after, Limit: int32(min(limit, 100))}
	list, err := client.List(ctx, in)
	out := make([]core.Value, 0, len(list.GetValues()))
	for _, v := range list.GetValues() {
		out = append(out, valueOf(v))
	}
	return out, reasonOf(err)
}

func valueOf(v *protocol.Value) core.Value {
	out := core.Value{Key: v.GetKey(), Value: json.RawMessage(v.GetValue()), Version: v.GetVersion()}
	if v.GetExpiresMs() != 0 {
		at := core.TimeOf(time.UnixMilli(v.GetExpiresMs()))
		out.ExpiresAt = &at
	}
	return out
}

// reasonOf makes the desk's error of one that crossed the border.
func reasonOf(err error) error {
	kinds := map[codes.Code]core.Kind{ //nolint:exhaustive // the desk gives no others
		codes.NotFound: core.NotFound, codes.Aborted: core.Conflict, codes.InvalidArgument: core.Invalid,
		codes.PermissionDenied: core.Forbidden, codes.Unavailable: core.Unavailable,
	}
	s, _ := status.FromError(err)
	if kind, known := kinds[s.Code()]; err != nil && known {
		return &core.Error{Kind: kind, Message: s.Message()}
	}
	return err
}

// Fetch asks a route of the desk's, such as "GET /api/tickets/7", by Host.API: in and out are JSON, and may be
// nil; headers, such as If-Match or Idempotency-Key, are sent along. An answer that
// is no success is an error with the desk's own words.
func Fetch(ctx context.Context, h core.Host, route string, in, out any, headers ...http.Header) error {
	method, path, _ := strings.Cut(route, " ")
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, path, body)
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, more := range headers {
		maps.Copy(r.Header, more)
	}
	w := protocol.NewRecorder()
	h.API().ServeHTTP(w, r)
	if w.Status() >= http.StatusBadRequest {
		return problem(w)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(w.Body.Bytes(), out)
}

// problem is the error that the answer tells of.
func problem(a *protocol.Recorder) error {
	var p rest.Problem
	if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil || p.Detail == "" {
		p.Detail = a.Body.String()
	}
	return &core.Error{Kind: core.Kind(a.Status()), Code: p.Code, Message: p.Detail, Fields: p.Errors}
}

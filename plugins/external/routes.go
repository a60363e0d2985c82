package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/rest"
)

// registerRoutes adds the binary's routes, and the one that restarts it.
func (p *Plugin) registerRoutes(h core.Host) error {
	for _, r := range p.told.GetRoutes() {
		policy, err := rest.ParsePolicy(r.GetPolicy())
		if err != nil {
			return fmt.Errorf("route %q: %w", r.GetPattern(), err)
		}
		options := []rest.Option{rest.Doc(r.GetDoc()), rest.Takes("*/*"), rest.Gives("*/*")}
		if r.GetAnyOrigin() {
			options = append(options, rest.AnyOrigin())
		}
		h.Handle(r.GetPattern(), policy, rest.Describe(p.forward(r.GetPattern()), options...))
	}
	h.Handle("POST /api/plugins/"+h.PluginID()+"/restart", core.Admins,
		core.JSON(p.restart, core.Doc("Replace the plugin's process by a new one of the binary as it is now; the old one goes on when that fails.")))
	return nil
}

func (p *Plugin) restart(ctx context.Context, _ struct{}) (core.Process, error) {
	if err := p.Restart(ctx); err != nil {
		return core.Process{}, err
	}
	return p.Process(), nil
}

// private are the headers that a plugin is not given: what they prove is between
// the caller and the host.
var private = []string{
	"Cookie", "Authorization", "Proxy-Authorization", core.GuestHeader, "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User",
	protocol.ActorHeader, protocol.TimeHeader, protocol.SignatureHeader,
}

// forward hands requests to the process, with a signed word on who is calling.
func (p *Plugin) forward(pattern string) rest.Func {
	return func(w http.ResponseWriter, r *http.Request) error {
		proc, giveBack := p.sup.borrow()
		defer giveBack()
		if proc == nil {
			return p.sup.unavailable("it does not run")
		}
		path, err := pathOf(pattern, r)
		if err != nil {
			return err
		}
		if !proc.routes.allow(p.clock.Now()) {
			return p.sup.unavailable("it failed too often")
		}
		return p.proxy(proc, path, w, r)
	}
}

// sent is the body of a request. It notes that it is the caller's fault when it breaks off.
type sent struct {
	io.ReadCloser

	broken atomic.Bool
}

func (s *sent) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, http.ErrBodyReadAfterClose) { // which is us, once the plugin has gone
		s.broken.Store(true)
	}
	return n, err
}

func (p *Plugin) proxy(proc *process, path *url.URL, w http.ResponseWriter, r *http.Request) error {
	var failed error
	passedOn, body := false, &sent{ReadCloser: r.Body}
	r.Body = body
	unreadable := func() bool { return !passedOn || body.broken.Load() }
	proxy := &httputil.ReverseProxy{
		Transport:     proc.web,
		FlushInterval: -1,
		Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL.Scheme, out.Out.URL.Host, out.Out.Host = "http", "plugin", "plugin"
			out.Out.URL.Path, out.Out.URL.RawPath = path.Path, path.RawPath
			for _, name := range private {
				out.Out.Header.Del(name)
			}
			out.SetXForwarded()
			passedOn = true
			failed = protocol.Sign(out.Out, proc.key, core.ActorFrom(r.Context()), p.clock.Now())
		},
		ModifyResponse: func(answer *http.Response) error {
			answer.Header.Del("Set-Cookie") // cookies of this site are the host's
			if failed == nil {
				proc.routes.done(p.clock.Now(), false) // it has begun to answer, for as long as it may take
			}
			return failed
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			if failed = err; unreadable() || r.Context().Err() != nil {
				proc.routes.left()
				return
			}
			proc.routes.done(p.clock.Now(), true)
		},
	}
	proxy.ServeHTTP(w, r)
	if failed != nil && unreadable() {
		return &rest.Error{Kind: rest.Malformed, Message: "the request cannot be read: " + failed.Error()}
	}
	if failed != nil && r.Context().Err() == nil {
		p.host.Log().WarnContext(r.Context(), "a route of an external plugin failed", "path", r.URL.Path, "err", failed)
		return p.sup.unavailable("it did not answer")
	}
	return nil
}

// pathOf is the path of a request below the host's prefix, made of the route's
// pattern and what the router found for its wildcards.
func pathOf(pattern string, r *http.Request) (*url.URL, error) {
	_, path, _ := strings.Cut(pattern, "/")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		name, wild := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{")
		if !wild {
			continue
		}
		rest, many := strings.CutSuffix(name, "...")
		segments := []string{r.PathValue(rest)}
		if many {
			segments = strings.Split(segments[0], "/")
		}
		for j := range segments {
			segments[j] = url.PathEscape(segments[j])
		}
		parts[i] = strings.Join(segments, "/")
	}
	return url.ParseRequestURI("/" + strings.Join(parts, "/"))
}

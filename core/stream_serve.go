package core

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// Stream answers with Server-Sent Events: of what happened behind the place
// after, at first, and then of all that happens, as the caller may see it. after
// below 0 begins now; anew says so to a caller whose place is not known any more,
// who has to read everything again. It returns when the stream has ended, or has
// gone over to the desk.
func (s Feed) Stream(w http.ResponseWriter, r *http.Request, after int64, anew bool) error {
	d, a := s.d, ActorFrom(r.Context())
	end, err := s.End(r.Context())
	if err != nil {
		return err
	}
	if after > end || after >= 0 && end-after > maxGap {
		after, anew = -1, true
	}
	if after < 0 {
		after = end
	}
	l := d.listener(r)
	if err := d.streams.enter(r.Context(), l); err != nil {
		return err
	}
	out := begin(w, r)
	l.r, l.raw = out.request, out.wire
	greeting := "retry: 2000\n\n"
	if anew {
		greeting += "id: " + itoa(end) + "\nevent: resync\ndata: {}\n\n"
	}
	if err := out.send([]byte(greeting)); err != nil || r.Method == http.MethodHead {
		d.streams.leave(l)
		return nil //nolint:nilerr // the caller has gone, or wanted no more
	}
	s.serve(As(out.ctx, a), l, out, after)
	return nil
}

func (d *Desk) listener(r *http.Request) *listener {
	now, a := d.events.clock.Now(), ActorFrom(r.Context())
	l := &listener{d: d, key: a.key() + ":" + itoa(a.guestOf), address: addressOf(r), beat: now, checked: now, more: make(chan struct{}, 1)}
	watch := d.watcher(a)
	l.watcher.Store(&watch)
	return l
}

// serve tells what was missed and then hands the connection over to the hub, or
// writes for it.
func (s Feed) serve(ctx context.Context, l *listener, out *outlet, told int64) {
	streams := s.d.streams
	if !s.reach(ctx, l, out, told) {
		streams.leave(l) // half an answer stands; the caller comes back
		return
	}
	streams.attend(ctx, l, out)
}

// attend writes for a listener that has joined, until it leaves; where the
// connection was taken over the desk does.
func (s *streams) attend(ctx context.Context, l *listener, out *outlet) {
	if out.wire != nil {
		return
	}
	defer s.leave(l)
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.more:
		}
		text, ended := l.take()
		if len(text) > 0 && out.send(text) != nil || ended {
			return
		}
	}
}

// reach tells what was missed, up to where the hub goes on. It fails when the
// caller is gone, or the desk is about to be.
func (s Feed) reach(ctx context.Context, l *listener, out *outlet, told int64) bool {
	streams := s.d.streams
	for {
		joined, open := streams.join(l, told)
		if joined {
			return true
		}
		events, err := s.d.events.read(ctx, told, batchSize)
		if err == nil && len(events) > 0 {
			err = s.catchUp(ctx, l, out, events)
			told = events[len(events)-1].seq
		}
		if err == nil && !open {
			err = out.send(comeBack())
		}
		if err != nil || !open {
			return false
		}
		if len(events) == 0 {
			told = max(told, streams.at()) // what lay between was purged
		}
	}
}

// catchUp writes what of a batch was missed.
func (s Feed) catchUp(ctx context.Context, l *listener, out *outlet, events []placed) error {
	shown, err := s.d.display(ctx, events)
	if err != nil {
		return err
	}
	return out.send(l.frames(ctx, shown))
}

// take is what a goroutine writes for the listener.
func (l *listener) take() (text []byte, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text = l.pending
	l.pending, l.since = nil, time.Time{}
	return text, l.ended
}

func (s *streams) at() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pos
}

// outlet is the answer of a stream: the connection itself where the server gives
// it away, else the ResponseWriter.
type outlet struct {
	ctx     context.Context //nolint:containedctx // of the stream: of the request, or longer than it
	request *http.Request
	wire    *wire
	w       http.ResponseWriter
}

// begin takes the connection over, so that neither a goroutine nor the server's
// buffers wait for a browser to which nothing happens.
func begin(w http.ResponseWriter, r *http.Request) *outlet {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy is not to wait for more
	h.Set("X-Content-Type-Options", "nosniff")
	ctx := context.WithoutCancel(r.Context())
	bare := r.WithContext(ctx)
	bare.Body = http.NoBody
	if r.ProtoMajor == 1 && r.TLS == nil {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			return &outlet{ctx: ctx, request: bare, wire: newWire(conn, h)}
		}
	}
	w.WriteHeader(http.StatusOK)
	return &outlet{ctx: r.Context(), request: bare, w: w}
}

// writeTime is how long a write that waits for its reader may take.
const writeTime = 10 * time.Second

// send writes and waits until it is on its way.
func (o *outlet) send(text []byte) error {
	if o.wire != nil {
		return o.wire.send(text)
	}
	rc := http.NewResponseController(o.w)
	err := rc.SetWriteDeadline(time.Now().Add(writeTime)) //nolint:forbidigo // of the connection, which knows no other clock
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := o.w.Write(text); err != nil { //nolint:gosec // events are no HTML: begin says so, and not to guess
		return err
	}
	return rc.Flush()
}

// wire is a connection that was taken over. A write never waits for the reader.
type wire struct {
	conn net.Conn
	raw  syscall.RawConn // nil: the connection has none
	head []byte          // of the answer, until it is written
}

func newWire(conn net.Conn, h http.Header) *wire {
	w := &wire{conn: conn}
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			w.raw = raw
		}
	}
	h.Set("Connection", "close") // the answer ends with the connection
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a Buffer takes all
	head.WriteString("\r\n")
	w.head = head.Bytes()
	return w
}

func (w *wire) send(text []byte) error {
	if w.head != nil {
		text, w.head = append(w.head, text...), nil
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil { //nolint:forbidigo // as above
		return err
	}
	if _, err := w.conn.Write(text); err != nil {
		return err
	}
	return w.conn.SetWriteDeadline(time.Time{})
}

// write takes what fits into the connection now, and tells whether that is broken.
func (w *wire) write(text []byte) (n int, broken bool) {
	if w.raw != nil && canWriteRaw {
		return w.writeRaw(text)
	}
	err := w.conn.SetWriteDeadline(time.Now().Add(time.Millisecond)) //nolint:forbidigo // as above
	if err == nil {
		n, err = w.conn.Write(text)
	}
	return n, err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func (w *wire) close() { _ = w.conn.Close() } // nobody is left to tell

package core

import (
	"context"
	"math"
	"net/http"
)

// Listener is who listens to Server-Sent Events whose words are a plugin's. The desk
// does the rest as for GET /api/events: it counts within Config.Streams, who
// listens is asked again and leaves with a lesser role, a heartbeat shows that it
// lives, one who does not read is cut, and it ends with the desk.
type Listener struct{ l *listener }

// Open answers a request with a stream that begins with first, and hands it to
// opened, if somebody stays to listen. It fails as long as nothing was written. It
// returns when the stream has ended, or has gone over to the desk.
func (s Feed) Open(w http.ResponseWriter, r *http.Request, first []byte, opened func(*Listener)) error {
	d, l := s.d, s.d.listener(r)
	l.own = true
	if err := d.streams.enter(r.Context(), l); err != nil {
		return err
	}
	out := begin(w, r)
	l.r, l.raw = out.request, out.wire
	if err := out.send(append([]byte("retry: 2000\n\n"), first...)); err != nil || r.Method == http.MethodHead {
		d.streams.leave(l)
		return nil //nolint:nilerr // the caller has gone, or wanted no more
	}
	if joined, _ := d.streams.join(l, math.MaxInt64); !joined { // the desk is about to end
		d.streams.leave(l)
		return nil
	}
	opened(&Listener{l})
	d.streams.attend(out.ctx, l, out)
	return nil
}

// Send writes text, whole events, without waiting for whoever reads.
func (c *Listener) Send(text []byte) { c.l.write(text) }

// Ended reports whether nobody listens any more.
func (c *Listener) Ended() bool {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	return c.l.ended
}

// As is a context in which whoever listens is acting, as the host said last.
func (c *Listener) As(ctx context.Context) context.Context {
	return As(ctx, c.l.watcher.Load().actor)
}

// End ends the stream. A browser comes back soon, to what it then finds.
func (c *Listener) End() {
	c.l.write(comeBack())
	c.l.d.streams.leave(c.l)
}

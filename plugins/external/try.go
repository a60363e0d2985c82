package external

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// Asks are the permissions that the binary's manifest names, granted or not. The
// first call starts the binary for a moment, as Manifest does; for one that cannot
// be described there are none.
func (p *Plugin) Asks() []string {
	p.Manifest()
	return p.told.GetPermissions()
}

// Try hands a payload to one of the binary's handlers as it is, past the types of
// this desk: for tests of what a desk of another version might send. For an After,
// the payload is the event's data, and the answer is empty.
func (p *Plugin) Try(ctx context.Context, point, handler string, payload json.RawMessage) (patch json.RawMessage, err error) {
	for _, h := range p.told.GetHandlers() {
		if h.GetPoint() != point || h.GetName() != handler {
			continue
		}
		if pointsOf(p.host)[point].Kind() != "after" {
			return p.sup.invoke(ctx, p.o.before, h, payload)
		}
		return nil, p.sup.deliver(ctx, p.o.deliver, handler, hooks.Envelope{ID: 1, Name: point, Key: "try", At: time.Unix(0, 0), Attempt: 1, Data: payload})
	}
	return nil, fmt.Errorf("there is no handler %s of %s", handler, point)
}

// Current reports whether a process runs that has the settings of now. What an
// admin saves reaches it within half a second.
func (p *Plugin) Current() bool {
	proc := p.sup.current()
	return proc != nil && !p.sup.outdated(proc)
}

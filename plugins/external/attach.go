package external

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// slack is what a handler's deadline grants beyond that of the call, so that it is
// the call which is late, and says of whom.
const slack = 20 * time.Millisecond

// attach adds the binary's handlers to the points that they name. A point of a
// plugin that registers later is there when the desk starts.
func (p *Plugin) attach(h core.Host) error {
	var later []*protocol.Handler
	points := pointsOf(h)
	for _, want := range p.told.GetHandlers() {
		point, known := points[want.GetPoint()]
		if !known {
			later = append(later, want)
			continue
		}
		if err := p.join(h, point, want); err != nil {
			return err
		}
	}
	if len(later) == 0 {
		return nil
	}
	h.OnStart(func(context.Context) error {
		points := pointsOf(h)
		for _, want := range later {
			point, known := points[want.GetPoint()]
			if !known {
				return fmt.Errorf("there is no hook point %s for the handler %s", want.GetPoint(), want.GetName())
			}
			if err := p.join(h, point, want); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

func pointsOf(h core.Host) map[string]hooks.Inspector {
	out := map[string]hooks.Inspector{}
	for _, p := range h.Desk().Points() {
		out[p.Point().Name] = p
	}
	return out
}

// join attaches one handler.
func (p *Plugin) join(h core.Host, point hooks.Inspector, want *protocol.Handler) error {
	limit := time.Duration(want.GetDeadlineMs()) * time.Millisecond
	options, err := optionsOf(point, want)
	if err != nil {
		return err
	}
	switch point.Kind() {
	case "before", "filter":
		if limit == 0 {
			limit = p.o.filter
			if point.Kind() == "before" {
				limit = p.o.before
			}
		}
		invoke := func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
			return p.sup.invoke(ctx, limit, want, payload)
		}
		_, err = hooks.Attach(point, h, want.GetName(), invoke, append(options, hooks.Deadline(limit+slack))...)
	case "after":
		if limit == 0 {
			limit = p.o.deliver
		}
		deliver := func(ctx context.Context, e hooks.Envelope) error { return p.sup.deliver(ctx, limit, want.GetName(), e) }
		_, err = hooks.Listen(point, h, want.GetName(), deliver, append(options, hooks.Deadline(limit+slack))...)
	default:
		err = fmt.Errorf("%s is of kind %s, which does not cross to another process", want.GetPoint(), point.Kind())
	}
	return err
}

func optionsOf(point hooks.Inspector, want *protocol.Handler) (out []hooks.Option, err error) {
	switch want.GetSlot() {
	case "", "normal":
	case "early":
		out = append(out, hooks.At(hooks.Early))
	case "late":
		out = append(out, hooks.At(hooks.Late))
	default:
		return nil, fmt.Errorf("%s: no slot %q", want.GetPoint(), want.GetSlot())
	}
	if want.GetOnFailure() != "" {
		if point.Kind() != "before" {
			return nil, fmt.Errorf("%s: on_failure is for a before", want.GetPoint())
		}
		var f hooks.OnFailure
		if err := f.UnmarshalText([]byte(want.GetOnFailure())); err != nil {
			return nil, fmt.Errorf("%s: on_failure: %w", want.GetPoint(), err)
		}
		out = append(out, hooks.IfBroken(f))
	}
	if want.GetFromStart() {
		if point.Kind() != "after" {
			return nil, fmt.Errorf("%s: from_start is for an event", want.GetPoint())
		}
		out = append(out, hooks.FromStart())
	}
	return out, nil
}

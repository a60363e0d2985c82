package sdk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// farHandler is at a point whose types are another plugin's.
type farHandler struct {
	point, name string
	raw         hooks.Raw
	hear        func(context.Context, hooks.Envelope) error
}

// Attach adds a handler, in JSON, to a Before or a Filter of another plugin's, by
// the name of the point. It works in the desk's process and in one of its own.
func Attach(h core.Host, point, name string, fn hooks.Raw) {
	add(h, farHandler{point: point, name: name, raw: fn})
}

// Listen adds a handler to the events of another plugin, such as "sla.breached".
func Listen(h core.Host, event, name string, fn func(context.Context, hooks.Envelope) error) {
	add(h, farHandler{point: event, name: name, hear: fn})
}

func add(h core.Host, f farHandler) {
	if own, ok := h.(*host); ok {
		own.far = append(own.far, f)
		return
	}
	h.OnStart(func(context.Context) error { // by then every plugin has registered
		for _, p := range h.Desk().Points() {
			if p.Point().Name == f.point {
				return f.join(h, p)
			}
		}
		return fmt.Errorf("plugin %s: there is no hook point %s", h.PluginID(), f.point)
	})
}

func (f farHandler) join(h core.Host, p hooks.Inspector) (err error) {
	if f.raw != nil {
		_, err = hooks.Attach(p, h, f.name, f.raw)
	} else {
		_, err = hooks.Listen(p, h, f.name, f.hear)
	}
	return err
}

// call runs a handler of a Before or Filter.
func (h *host) call(ctx context.Context, point, name string, payload json.RawMessage) (json.RawMessage, error) {
	for _, f := range h.far {
		if f.point == point && f.name == name && f.raw != nil {
			return f.raw(ctx, payload)
		}
	}
	p, known := h.points[point]
	if !known {
		return nil, fmt.Errorf("there is no hook point %s here", point)
	}
	return hooks.Call(ctx, p, h.manifest.ID+"."+name, payload)
}

// deliver hands an event to a handler of an After.
func (h *host) deliver(ctx context.Context, d *protocol.Delivery) error {
	e := protocol.Unwrap(d.GetEvent())
	ctx = h.As(ctx)
	for _, f := range h.far {
		if f.point == e.Name && f.name == d.GetHandler() && f.hear != nil {
			return f.hear(ctx, e)
		}
	}
	if c := h.consumers[h.manifest.ID+"."+d.GetHandler()+"@"+e.Name]; c != nil {
		return c.Deliver(ctx, e)
	}
	return fmt.Errorf("there is no handler %s of %s here", d.GetHandler(), e.Name)
}

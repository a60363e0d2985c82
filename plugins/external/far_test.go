package external_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// far takes part in a Before and a Filter of a plugin whose types it does not know.
type far struct{}

func (far) Manifest() core.Manifest {
	return core.Manifest{ID: "far", Name: "Far", Version: "1.0.0", Doc: "Attaches."}
}

func (far) Register(h core.Host) error {
	sdk.Attach(h, "bell.ring.before", "soften", func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
		var p struct{ Volume int }
		if err := json.Unmarshal(payload, &p); err != nil {
			return nil, err
		}
		switch {
		case p.Volume > 100:
			return nil, hooks.Veto("too_loud", "Not so loud.")
		case p.Volume > 10:
			return json.RawMessage(`{"volume":10}`), nil
		}
		return nil, nil
	})
	sdk.Attach(h, "bell.hear", "echo", func(context.Context, json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(`{"heard":["ding","dong"]}`), nil
	})
	return nil
}

type bellHooks struct {
	Ring hooks.Before[bellRing]
	Hear hooks.Filter[bellHeard]
}

type bellRing struct {
	Volume int    `json:"volume"`
	By     string `json:"by"`
}

type bellHeard struct {
	Heard []string `json:"heard"`
}

// bell is a plugin inside the desk, registered after the one that attaches to it.
func bell(points *bellHooks) core.Plugin {
	points.Ring.Declare(hooks.Point{Name: "bell.ring.before", Doc: "It is about to ring.", Writable: []string{"volume"}})
	points.Hear.Declare(hooks.Point{Name: "bell.hear", Doc: "Somebody listens.", Writable: []string{"heard"}})
	return core.Inline("bell", func(h core.Host) error {
		core.Declare(h, points)
		return nil
	})
}

func TestAttachReachesThePointsOfOtherPluginsFromBothSides(t *testing.T) {
	t.Parallel()
	for way, plugin := range map[string]func(*testing.T) core.Plugin{
		"in the desk's process": func(*testing.T) core.Plugin { return far{} },
		"as a binary":           func(t *testing.T) core.Plugin { t.Helper(); return as(t, "far") },
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			points := &bellHooks{}
			d := desktest.New(t, desktest.SQLite, plugin(t), bell(points))
			for volume, want := range map[int]int{5: 5, 50: 10} {
				p := &bellRing{volume, "me"}
				if err := points.Ring.Run(d.As(desktest.Customer), p); err != nil || *p != (bellRing{want, "me"}) {
					t.Errorf("%d became %+v: %v", volume, p, err)
				}
			}
			err := points.Ring.Run(d.As(desktest.Customer), &bellRing{Volume: 101})
			if veto, ok := errors.AsType[*hooks.Refusal](err); !ok || veto.Code != "too_loud" || veto.Message != "Not so loud." {
				t.Errorf("the veto is %v", err)
			}
			heard := &bellHeard{}
			if points.Hear.Run(d.As(desktest.Customer), heard); len(heard.Heard) != 2 {
				t.Errorf("heard is %v", heard)
			}
		})
	}
}

func TestAttachToAPointThatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	for way, plugin := range map[string]core.Plugin{"in the desk's process": far{}, "as a binary": as(t, "far")} {
		desk, err := newDesk(t, plugin)
		if err != nil {
			t.Fatal(err)
		}
		if err := desk.Run(t.Context()); err == nil {
			t.Errorf("%s: the desk runs", way)
		}
		if err := desk.Close(); err != nil {
			t.Error(err)
		}
	}
}

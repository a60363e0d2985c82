package external_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// border is a plugin that uses what crosses beside plain hooks and routes.
type border struct{ host core.Host }

type borderSettings struct {
	Word  string `json:"word" max:"20" doc:"what stands before each subject"`
	Token string `json:"token" secret:"true" doc:"a secret"`
	Mood  mood   `json:"mood" doc:"how it feels"`

	Ring  *ring          `json:"ring"`
	Rings []ring         `json:"rings"`
	Named map[string]int `json:"named"`
}

// ring is a part of settings.
type ring struct {
	Loud int `json:"loud" max:"9"`
}

// mood is an enumeration.
type mood string

func (mood) Values() []string { return []string{"calm", "loud"} }

func (*border) Manifest() core.Manifest {
	return core.Manifest{ID: "border", Name: "Border", Version: "1.0.0", Doc: "Crosses.", Settings: borderSettings{Word: "old", Mood: "calm"}}
}

func (b *border) Register(h core.Host) error {
	b.host = h
	h.Hooks().Ticket.Create.Before.Add(h, "mark", func(_ context.Context, t *core.TicketDraft) error {
		var s borderSettings
		if err := h.Settings(&s); err != nil {
			return err
		}
		switch t.Subject {
		case "panic":
			panic("as the ticket says")
		case "veto":
			return hooks.Veto("unwanted", "Not this one.")
		}
		t.Subject = fmt.Sprintf("%s%s: %s", s.Word, s.Token, t.Subject)
		if s.Ring != nil {
			t.Subject += fmt.Sprint(s.Ring.Loud, s.Rings, s.Named)
		}
		return nil
	})
	sdk.Listen(h, "toy.rang", "hear", func(ctx context.Context, e hooks.Envelope) error { return b.keep(ctx, "heard", string(e.Data)) })
	h.Every("tick", time.Minute, func(ctx context.Context) error { return b.keep(ctx, "ticked", `true`) })
	h.Handle("GET /api/border/{key}", core.Admins, core.JSON(func(ctx context.Context, in struct {
		Key string `path:"key"`
	}) (core.Value, error) {
		return h.KV().Get(ctx, in.Key)
	}))
	return nil
}

func (b *border) keep(ctx context.Context, key, text string) error {
	_, err := b.host.KV().Put(ctx, core.Value{Key: key, Value: []byte(text), Version: core.AnyVersion})
	return err
}

// toy is a plugin inside the desk, with a hook of its own.
type toyHooks struct{ Rang hooks.After[toyRang] }

type toyRang struct {
	Loud bool `json:"loud"`
}

func TestSettingsJobsForeignEventsVetoesAndPanicsCross(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		points := &toyHooks{}
		points.Rang.Declare(hooks.Point{Name: "toy.rang", Doc: "It rang."})
		var toy core.Host
		d := desktest.New(t, db, as(t, "border"), core.Inline("toy", func(h core.Host) error {
			toy = h
			core.Declare(h, points)
			return nil
		}))
		d.AllowErrors()
		if made := opened(d, "x").Want(201); !strings.Contains(string(made.Body), `"old: x"`) {
			t.Errorf("the default does not hold: %s", made)
		}
		d.Do(desktest.Admin, "PUT /api/settings/border", saved(map[string]any{"token": "!"})).Want(200)
		eventually(t, "settings to cross", func() bool {
			return strings.Contains(string(opened(d, "x").Body), `"new!: x3 [{4}] map[five:5]"`)
		})
		d.Do(desktest.Admin, "PUT /api/settings/border", saved(map[string]any{"word": strings.Repeat("w", 21)})).Want(422)
		d.Do(desktest.Admin, "PUT /api/settings/border", saved(map[string]any{"ring": ring{10}})).Want(422)
		d.Do(desktest.Admin, "PUT /api/settings/border", saved(map[string]any{"named": map[string]any{"a": "b"}})).Want(422)
		no := d.Do(desktest.Admin, "PUT /api/settings/border", saved(map[string]any{"mood": "wild"})).Want(422)
		if !strings.Contains(string(no.Body), "must be one of calm, loud") {
			t.Errorf("the enumeration did not cross: %s", no)
		}

		if no = opened(d, "veto").Want(422); !strings.Contains(string(no.Body), "Not this one.") {
			t.Errorf("the veto is %s", no)
		}
		before := process(d)
		opened(d, "panic").Want(503)
		if after := process(d); after.PID != before.PID || after.State != "ready" {
			t.Errorf("a panic ended the process: %+v", after)
		}

		err := toy.Change(toy.As(t.Context()), func(ctx context.Context) error {
			return core.Announce(ctx, toy, &points.Rang, 0, true, &toyRang{Loud: true})
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the event of another plugin", func() bool {
			return strings.Contains(string(d.Do(desktest.Admin, "GET /api/border/heard", nil).Body), `"loud":true`)
		})
		d.Advance(2 * time.Minute)
		eventually(t, "the job", func() bool { return d.Do(desktest.Admin, "GET /api/border/ticked", nil).Status == 200 })
		d.Do(desktest.Admin, "GET /api/border/nothing", nil).Want(404)

		d.Do(desktest.Admin, "POST /api/plugins/border/disable", nil).Want(200)
		if p := process(d); p.State != "stopped" || p.PID != 0 {
			t.Errorf("switched off, the process is %+v", p)
		}
		opened(d, "panic").Want(201)
	})
}

// saved is a body that saves good settings but for some.
func saved(but map[string]any) map[string]any {
	value := map[string]any{"word": "new", "mood": "loud", "ring": ring{3}, "rings": []ring{{4}}, "named": map[string]int{"five": 5}}
	maps.Copy(value, but)
	return map[string]any{"value": value}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	t.Cleanup(tick.Stop)
	for range 500 {
		if holds() {
			return
		}
		<-tick.C
	}
	t.Fatalf("waited 10 s in vain for %s", what)
}

// wishful wants what does not cross.
type wishful struct{}

func (wishful) Manifest() core.Manifest {
	return core.Manifest{ID: "wishful", Name: "Wishful", Version: "1.0.0", Doc: "Wants too much."}
}

func (wishful) Register(h core.Host) error {
	h.Query("GET /api/tickets", "wish", "", "-")
	return nil
}

func TestWhatDoesNotCrossIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	db, err := core.Open("sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	_, err = core.New(core.Config{DB: db, Plugins: []core.Plugin{as(t, "wishful")}})
	if err == nil || !strings.Contains(err.Error(), "query parameter wish") {
		t.Errorf("the error is %v", err)
	}
	if errors.Is(err, context.DeadlineExceeded) || slices.Contains(strings.Fields(err.Error()), "panic:") {
		t.Errorf("it was not the plugin that said so: %v", err)
	}
}

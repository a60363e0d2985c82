// Package external runs plugins as processes of their own: any binary that speaks
// the protocol of plugin.proto takes part in the desk as if it were compiled in,
// and whatever it does wrong is its own problem.
package external

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// Plugin is a core.Plugin whose code is elsewhere. Make one with New for each desk.
type Plugin struct {
	path  string
	o     options
	clock clockwork.Clock // the real one

	once     sync.Once
	told     *protocol.Manifest
	manifest core.Manifest
	err      error  // why it could not be described
	sum      string // SHA-256 of what was described

	host  core.Host
	sup   *supervisor
	words *quota // of the desk's log
}

// New is the plugin of the binary at path. The binary is run once, to say what it
// is, when the desk asks for the manifest. It may do to the desk what Grant says,
// which is nothing by default.
func New(path string, with ...Option) *Plugin {
	p := &Plugin{path: path, o: defaults(), clock: clockwork.NewRealClock()}
	for _, option := range with {
		option(&p.o)
	}
	p.sup, p.words = newSupervisor(p), &quota{clock: p.clock}
	return p
}

// Manifest implements core.Plugin. The first call starts the binary for a moment.
func (p *Plugin) Manifest() core.Manifest {
	p.once.Do(func() { p.told, p.manifest, p.err = p.describe() })
	return p.manifest
}

func (p *Plugin) describe() (*protocol.Manifest, core.Manifest, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.o.start)
	defer cancel()
	proc, told, err := p.launch(ctx, p.path, silence{})
	if err != nil {
		return nil, p.unknown(err), fmt.Errorf("external plugin %s: %w", p.path, err)
	}
	proc.kill()
	p.sum = proc.sum
	m, err := manifestOf(told, p.o.granted)
	if err != nil {
		return nil, p.unknown(err), fmt.Errorf("external plugin %s: %w", p.path, err)
	}
	return told, m, nil
}

// unknown stands for a binary that could not say what it is.
func (p *Plugin) unknown(err error) core.Manifest {
	return core.Manifest{ID: idOf(p.path), Name: idOf(p.path), Version: "0.0.0", Doc: "Could not be started: " + err.Error()}
}

// Register implements core.Plugin: it attaches what the binary asked for, to be
// answered by whichever process of it runs.
func (p *Plugin) Register(h core.Host) error {
	p.Manifest()
	p.host = h
	if p.err != nil {
		if !p.o.optional {
			return p.err
		}
		h.Log().Error("an external plugin is left out", "err", p.err)
		return nil
	}
	if missing := p.ungranted(); len(missing) > 0 {
		h.Log().Warn("an external plugin asks for permissions that were not granted", "permissions", missing)
	}
	h.OnDisable(p.sup.stop) // first of all, for it goes the other way: handlers are taken away before
	p.sup.expect()
	if err := p.attach(h); err != nil {
		return err
	}
	if err := p.registerRoutes(h); err != nil {
		return err
	}
	if err := p.registerJobs(h); err != nil {
		return err
	}
	h.OnStart(p.sup.start)
	h.Hooks().Desk.Stopping.Add(h, "stop-process", func(context.Context, hooks.Event[core.DeskSwitched]) error {
		p.sup.stop() // now that nothing calls it any more
		return nil
	})
	return nil
}

// Process implements core.Supervised.
func (p *Plugin) Process() core.Process { return p.sup.status() }

// Restart puts a new process of the binary, as it is at the path now, beside the
// one that runs, and lets it take over once it is ready: no event is lost or seen
// out of order. When it fails, the old one goes on. It also ends a quarantine.
func (p *Plugin) Restart(ctx context.Context) error { return p.sup.replace(ctx) }

func (p *Plugin) registerJobs(h core.Host) error {
	for _, j := range p.told.GetJobs() {
		run := func(ctx context.Context) error { return p.sup.run(ctx, j.GetName()) }
		switch {
		case j.GetCron() != "":
			h.Cron(j.GetName(), j.GetCron(), run)
		default:
			h.Every(j.GetName(), time.Duration(j.GetEveryMs())*time.Millisecond, run)
		}
	}
	return nil
}

package external_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	plugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// sick is the main of a plugin that does one thing wrong.
func sick(role string) {
	switch {
	case strings.HasPrefix(role, "raw "):
		rawly(role)
	case made(role) != nil:
		sdk.Serve(made(role))
	default:
		programs(role)
	}
}

// programs are no plugins, or no longer.
func programs(role string) {
	switch role {
	case "starts three times":
		// Once to say what it asks for, once to say what it is, once to run.
		if f, err := os.OpenFile(os.Getenv("MARKS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, _ = f.WriteString("x")
			if info, err := f.Stat(); err == nil && info.Size() <= 3 {
				sdk.Serve(ill{id: "sick"})
			}
		}
		fmt.Fprintln(os.Stderr, "enough")
	case "dies at the start":
		fmt.Fprintln(os.Stderr, "no licence")
	case "shakes hands in its own way":
		fmt.Println("hello|desk|how|do|you|do")
		forever()
	case "says nothing":
		forever()
	case "holds another cookie":
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: plugin.HandshakeConfig{MagicCookieKey: "OTHER_PLUGIN", MagicCookieValue: "x"}})
	default:
		fmt.Fprintln(os.Stderr, "no role", role)
	}
	os.Exit(3)
}

// before, filter, after, route and job make plugins of one handler each.
func before(fn func(context.Context, *core.TicketDraft) error) func(core.Host) {
	return func(h core.Host) { h.Hooks().Ticket.Create.Before.Add(h, "sick", fn) }
}

func after(fn func(context.Context, core.Host, hooks.Event[core.TicketCreated]) error) func(core.Host) {
	return func(h core.Host) {
		h.Hooks().Ticket.Create.After.Add(h, "sick", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error { return fn(ctx, h, e) })
	}
}

func route(fn func(http.ResponseWriter, *http.Request)) func(core.Host) {
	return func(h core.Host) { h.Handle("GET /api/sick", core.Agents, http.HandlerFunc(fn)) }
}

func starts(fn func(h core.Host)) func(core.Host) {
	return func(h core.Host) { h.OnStart(func(context.Context) error { fn(h); return nil }) }
}

func forever() { time.Sleep(time.Hour) }

// registers are the plugins that the SDK runs, by what is wrong with them.
func registers() map[string]func(core.Host) {
	return map[string]func(core.Host){
		"hangs in a Before": before(func(context.Context, *core.TicketDraft) error { forever(); return nil }),
		"eats memory": before(func(context.Context, *core.TicketDraft) error {
			all := []byte{1}
			for {
				all = bytes.Repeat(all, 2)
			}
		}),
		"panics in a Before": before(func(context.Context, *core.TicketDraft) error { panic("as it says") }),
		"dies in a Before":   before(func(context.Context, *core.TicketDraft) error { os.Exit(3); return nil }),
		"refuses everything": before(func(context.Context, *core.TicketDraft) error { return hooks.Veto("no", "Not today.") }),
		"dies in a Filter": func(h core.Host) {
			h.Hooks().Ticket.Show.Add(h, "sick", func(context.Context, *core.TicketsShown) error { os.Exit(3); return nil })
		},
		"dies in an After":  after(func(context.Context, core.Host, hooks.Event[core.TicketCreated]) error { os.Exit(3); return nil }),
		"hangs in an After": after(func(context.Context, core.Host, hooks.Event[core.TicketCreated]) error { forever(); return nil }),
		"fails in an After": after(func(context.Context, core.Host, hooks.Event[core.TicketCreated]) error {
			return errors.New("no service")
		}),
		"dies in a route": route(func(http.ResponseWriter, *http.Request) { os.Exit(3) }),
		"never answers":   route(func(http.ResponseWriter, *http.Request) { forever() }),
		"answers 500":     route(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }),
		"dies in a job": func(h core.Host) {
			h.Every("sick", time.Minute, func(context.Context) error { os.Exit(3); return nil })
		},
		"adds a note twice":   after(remark),
		"answers before work": after(answersEarly),
		"asks beyond its manifest": after(func(ctx context.Context, h core.Host, _ hooks.Event[core.TicketCreated]) error {
			_ = sdk.Fetch(ctx, h, "GET /api/people", nil, nil)
			return nil
		}),
		"panics at an empty event": after(func(_ context.Context, _ core.Host, e hooks.Event[core.TicketCreated]) error {
			_ = e.Data.Ticket.Subject[0]
			return nil
		}),
		"dies at an empty event": after(func(_ context.Context, _ core.Host, e hooks.Event[core.TicketCreated]) error {
			if e.Data.Ticket.Subject == "" {
				os.Exit(3)
			}
			return nil
		}),
		"leaks descriptors": after(func(context.Context, core.Host, hooks.Event[core.TicketCreated]) error {
			_, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
			return err
		}),
		"leaks children":                after(func(context.Context, core.Host, hooks.Event[core.TicketCreated]) error { return child(false) }),
		"has a child":                   starts(func(core.Host) { _ = child(false) }),
		"has a child that flees":        starts(func(core.Host) { _ = child(true) }),
		"flees when it is switched off": func(h core.Host) { h.OnDisable(func() { _ = child(true) }) },
		"floods":                        starts(flood),
	}
}

// made is the plugin of a role; nil: the SDK has none.
func made(role string) core.Plugin {
	register := registers()[role]
	switch role {
	case "describes itself anew":
		return ill{version: fmt.Sprintf("1.0.%d", time.Now().UnixNano()), id: "sick"}
	case "has other handlers each time":
		return ill{id: "sick", register: func(h core.Host) {
			h.Hooks().Ticket.Create.After.Add(h, fmt.Sprintf("h%d", time.Now().UnixNano()), func(context.Context, hooks.Event[core.TicketCreated]) error { return nil })
		}}
	case "has no good id":
		return ill{id: "No Good!"}
	case "has the id of another":
		return ill{id: "neighbour"}
	case "shows its secret":
		return ill{id: "sick", settings: struct {
			Token string `json:"token" doc:"a secret"`
		}{}}
	case "needs a stranger":
		return ill{id: "sick", requires: []core.Need{{Plugin: "stranger", Version: "1.0.0"}}}
	}
	if register == nil {
		return nil
	}
	return ill{id: "sick", register: register, permissions: []string{"tickets:write"}}
}

// ill is a plugin with something wrong.
type ill struct {
	id, version string
	settings    any
	permissions []string
	requires    []core.Need
	register    func(core.Host)
}

func (p ill) Manifest() core.Manifest {
	m := core.Manifest{ID: p.id, Name: "Sick", Version: "1.0.0", Doc: "Does something wrong.", Settings: p.settings, Permissions: p.permissions, Requires: p.requires}
	if p.version != "" {
		m.Version = p.version
	}
	return m
}

func (p ill) Register(h core.Host) error {
	if p.register != nil {
		p.register(h)
	}
	return nil
}

func remark(ctx context.Context, h core.Host, e hooks.Event[core.TicketCreated]) error {
	return sdk.Fetch(ctx, h, fmt.Sprintf("POST /api/tickets/%d/replies", e.Data.Ticket.ID), map[string]any{"body": "Seen.", "internal": true}, nil)
}

// answersEarly does the work when it has said that it was done.
func answersEarly(_ context.Context, h core.Host, e hooks.Event[core.TicketCreated]) error {
	time.AfterFunc(80*time.Millisecond, func() { _ = remark(context.Background(), h, e) })
	return nil
}

// child starts a process that holds the standard error; one that flees is in no
// group of the plugin's.
func child(flees bool) error {
	cmd := exec.Command("sleep", "600")
	cmd.Stderr, cmd.Stdout = os.Stderr, os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: flees}
	return cmd.Start()
}

func flood(h core.Host) {
	h.Log().Info("all is well", "line", strings.Repeat("x", 1<<20))
	time.Sleep(300 * time.Millisecond) // that the rest does not come before it
	line := strings.Repeat("all is well ", 100) + "\n"
	for range 20_000 {
		_, _ = os.Stderr.WriteString(line)
		_, _ = os.Stdout.WriteString(line)
	}
	for range 5000 {
		h.Log().Info("all is well", "line", line)
	}
}

// rawly speaks the protocol itself.
func rawly(role string) {
	r := &raw{role: strings.TrimPrefix(role, "raw ")}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  protocol.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{protocol.Version: {protocol.Service: &protocol.GRPC{Plugin: r}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			r.server = grpc.NewServer(o...)
			return r.server
		},
	})
	if r.role == "closes its socket" {
		forever()
	}
}

// raw is a plugin with one Before, in the words of the protocol.
type raw struct {
	protocol.UnimplementedPluginServer

	role       string
	server     *grpc.Server
	configured int
}

func (r *raw) Describe(context.Context, *protocol.DescribeRequest) (*protocol.Manifest, error) {
	m := &protocol.Manifest{
		Protocol: protocol.Version, Id: "sick", Name: "Sick", Version: "1.0.0", Doc: "Does something wrong.",
		Handlers: []*protocol.Handler{{Point: "ticket.create.before", Name: "sick"}},
	}
	switch r.role {
	case "lies about its protocol":
		m.Protocol = 99
	case "describes 64 MB":
		m.Doc = strings.Repeat("x", 64<<20)
	case "knows another point":
		m.Handlers[0].Point = "no.such.point"
	case "wants to be in the transaction":
		m.Handlers[0].Point = "ticket.create.within"
	case "has a route without a policy":
		m.Routes = []*protocol.Route{{Pattern: "GET /api/sick"}}
	case "has settings of no kind":
		m.SettingsSchema = `{"type":"object","properties":{"x":{"type":"quaternion"}}}`
	case "bears no other settings", "hangs at other settings":
		m.SettingsSchema = `{"type":"object","properties":{"word":{"type":"string","description":"a word"}}}`
	case "hangs in Describe":
		forever()
	}
	return m, nil
}

func (r *raw) Configure(context.Context, *protocol.Configuration) (*protocol.Ready, error) {
	r.configured++
	switch {
	case r.role == "hangs in Configure", r.role == "hangs at other settings" && r.configured > 1:
		forever()
	case r.role == "bears no other settings" && r.configured > 1:
		return nil, errors.New("I was configured already")
	}
	return &protocol.Ready{}, nil
}

func (r *raw) Health(context.Context, *protocol.HealthRequest) (*protocol.HealthReply, error) {
	return &protocol.HealthReply{}, nil
}

func (r *raw) Invoke(context.Context, *protocol.Invocation) (*protocol.Answer, error) {
	switch r.role {
	case "answers 5 MB":
		return &protocol.Answer{Patch: []byte(`{"subject":"` + strings.Repeat("x", 5<<20) + `"}`)}, nil
	case "patches what is not writable":
		return &protocol.Answer{Patch: []byte(`{"requester_id":1,"id":7}`)}, nil
	case "answers no JSON":
		return &protocol.Answer{Patch: []byte(`subject: x`)}, nil
	case "closes its socket":
		go r.server.Stop()
		forever()
	}
	return &protocol.Answer{}, nil
}

func (r *raw) Stop(context.Context, *protocol.StopRequest) (*protocol.Stopped, error) {
	if r.role == "does not stop" {
		forever()
	}
	return &protocol.Stopped{}, nil
}

package external_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/examples/external-plugin-go/classify"
	"github.com/hookdesk/hookdesk/plugins/external"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// roleEnv makes this test program be a plugin: a binary of its own would have to be
// built first.
const roleEnv = "PLUGIN_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	play(role)
}

// play is the main of the plugin.
func play(role string) {
	switch role {
	case "classify":
		sdk.Serve(classify.New())
	case "border":
		sdk.Serve(&border{})
	case "counter":
		sdk.Serve(&counter{})
	case "env":
		for _, v := range os.Environ() {
			if name, _, _ := strings.Cut(v, "="); name == strings.ToUpper(name) && strings.Contains(name, "_") {
				fmt.Fprintln(os.Stderr, "variable", name) // not what is in them: a line of a certificate is no name
			}
		}
		os.Exit(2)
	case "far":
		sdk.Serve(far{})
	case "heavy":
		sdk.Serve(heavy{})
	case "plain":
		plain()
	case "wishful":
		sdk.Serve(wishful{})
	case "desk":
		beDesk()
	default:
		sick(role)
	}
}

// as is the plugin of a role.
func as(t *testing.T, role string, more ...external.Option) *external.Plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return external.New(self, append([]external.Option{external.Env(roleEnv, role), external.Dir(shortDir(t))}, more...)...)
}

// shortDir is one whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "x") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestABinaryTakesPartAsIfItWereCompiledIn(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db, as(t, "classify", external.Grant("tickets:read", "tickets:write")))
		d.Do(desktest.Admin, "POST /api/tags", map[string]any{"name": "billing"}).Want(201)

		var made core.Ticket
		d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": "Everything is down", "body": "And the invoice is wrong."}).Want(201).JSON(&made)
		if made.Priority != core.Urgent {
			t.Errorf("the priority is %s", made.Priority)
		}
		d.Settle()
		path := fmt.Sprintf("/api/tickets/%d", made.ID)
		if all := string(d.Do(desktest.Agent, "GET "+path, nil).Want(200).Body); !strings.Contains(all, "Classified by: down, invoice") || !strings.Contains(all, `"billing"`) {
			t.Errorf("no note or tag: %s", all)
		}
		panel := d.Do(desktest.Agent, fmt.Sprintf("GET /api/classify/tickets/%d", made.ID), nil).Want(200)
		if !strings.Contains(string(panel.Body), `"text":"down, invoice"`) {
			t.Errorf("the panel is %s", panel)
		}
		d.Do(desktest.Customer, fmt.Sprintf("GET /api/classify/tickets/%d", made.ID), nil).Want(403)
		d.Do(desktest.Agent, "GET /api/classify/tickets/nonsense", nil).Want(422)
		if panels := d.Do(desktest.Agent, "GET /api/panels?slot=ticket.sidebar", nil).Want(200); !strings.Contains(string(panels.Body), `"plugin":"classify"`) {
			t.Errorf("no panel: %s", panels)
		}
		if panels := d.Do(desktest.Customer, "GET /api/panels", nil).Want(200); strings.Contains(string(panels.Body), "classify") {
			t.Errorf("a customer is shown a panel of agents: %s", panels)
		}
		var list struct{ Plugins []core.PluginState }
		d.Do(desktest.Admin, "GET /api/plugins", nil).Want(200).JSON(&list)
		if p := list.Plugins[0].Process; p == nil || p.State != "ready" || p.PID == 0 || len(p.SHA256) != 64 {
			text, _ := json.Marshal(list)
			t.Errorf("the process is %s", text)
		}
	})
}

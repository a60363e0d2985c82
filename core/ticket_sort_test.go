package core_test

import (
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestASortThatCannotBeFailsTheStart(t *testing.T) {
	t.Parallel()
	d := desktest.New(t, desktest.SQLite)
	whole := core.TicketSort{Table: "scores", Key: "ticket_id", Column: "score"}
	for want, register := range map[string]func(core.Host){
		"be none of core's":                     func(h core.Host) { h.Sort("created", whole) },
		"a name must match":                     func(h core.Host) { h.Sort("-score", whole) },
		"it needs a table, a key and a column":  func(h core.Host) { h.Sort("score", core.TicketSort{Table: "scores", Key: "ticket_id"}) },
		"sort \"score\": it is one of plugin x": func(h core.Host) { h.Sort("score", whole); h.Sort("score", whole) },
	} {
		_, err := core.New(core.Config{DB: d.DB, TablePrefix: d.Config.TablePrefix, Plugins: []core.Plugin{
			core.Inline("xy", func(h core.Host) error { register(h); return nil }),
		}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

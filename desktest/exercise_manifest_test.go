package desktest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

func TestManifestsThatAreNoPlainData(t *testing.T) {
	t.Parallel()
	type running struct {
		Runs bool `json:"runs" doc:"whether it does"`
	}
	mustFail(t, map[string]broken{
		"another one at each call": {check: "manifest", says: "and then", plugin: func() core.Plugin {
			calls := 0
			return toy{edit: func(m *core.Manifest) { calls++; m.Doc = time.Duration(calls).String() }}
		}},
		"another one once it runs": {check: "manifest", says: "once the desk ran", plugin: func() core.Plugin {
			runs := false
			return toy{
				edit:     func(m *core.Manifest) { m.Settings = running{runs} },
				register: func(core.Host) error { runs = true; return nil },
			}
		}},
		"one that panics": {check: "manifest", says: "panic: not yet", plugin: func() core.Plugin {
			return toy{edit: func(*core.Manifest) { panic("not yet") }}
		}},
		"no version": {check: "manifest", says: "its manifest needs a name, a doc and a version", plugin: func() core.Plugin {
			return toy{edit: func(m *core.Manifest) { m.Version = "" }}
		}},
	})
}

func TestRegisteringThatDoesMoreThanAttach(t *testing.T) {
	t.Parallel()
	mustFail(t, map[string]broken{
		"starts a goroutine": {check: "register", says: "Register left goroutines behind", plugin: does(func(core.Host) {
			go func() { <-t.Context().Done() }()
		})},
		"writes a row": {check: "register", says: "Register wrote to the database:\n+ hookdesk_tags", plugin: does(func(h core.Host) {
			name := "toy"
			if _, err := h.Desk().Tags.Create(core.As(t.Context(), core.Actor{Kind: core.Admin}), core.TagPatch{Name: &name}); err != nil {
				t.Error(err)
			}
		})},
		"makes a table": {check: "register", says: "Register wrote to the database:\n+ table hookdesk_toy_extras", plugin: does(func(h core.Host) {
			if err := h.DB(t.Context()).Exec("CREATE TABLE " + h.Table("extras") + " (id bigint)").Error; err != nil {
				t.Error(err)
			}
		})},
		"fails": {check: "register", says: "out of order", plugin: func() core.Plugin {
			return toy{register: func(core.Host) error { return errors.New("out of order") }}
		}},
	})
}

func TestSettingsThatAnAdminCannotUse(t *testing.T) {
	t.Parallel()
	has := func(settings any) func() core.Plugin {
		return func() core.Plugin { return toy{settings: settings} }
	}
	type inner struct {
		Token string `json:"token" doc:"of the service" secret:"true"`
	}
	type breaks struct {
		Loud bool `json:"loud" doc:"whether it shouts"`
	}
	mustFail(t, map[string]broken{
		"one without a doc": {check: "settings", says: "the setting Words has no doc", plugin: has(struct {
			Words []string `json:"words"`
		}{})},
		"a secret that is shown": {check: "settings", says: "the setting APIKey looks like a secret", plugin: has(struct {
			APIKey string `json:"api_key" doc:"of the service"`
		}{})},
		"a secret that is not encrypted": {check: "settings", says: "the setting Account.Token is no string of the settings themselves", plugin: has(struct {
			Account inner `json:"account" doc:"at the service"`
		}{})},
		"a default that is not valid": {check: "settings", says: "the settings' own defaults cannot be saved", plugin: has(struct {
			Days int `json:"days" doc:"how long" min:"1"`
		}{})},
		"one that breaks the plugin": {check: "settings", says: "too loud", plugin: func() core.Plugin {
			return toy{settings: breaks{}, register: func(h core.Host) error {
				h.Hooks().Ticket.Create.Before.Add(h, "shout", func(context.Context, *core.TicketDraft) error {
					var s breaks
					if err := h.Settings(&s); err != nil || s.Loud {
						return errors.Join(err, errors.New("too loud"))
					}
					return nil
				})
				return nil
			}}
		}},
	})
}

package sdk

import (
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/rest"
)

// Describe implements protocol.PluginServer.
func (s *server) Describe(_ context.Context, in *protocol.DescribeRequest) (*protocol.Manifest, error) {
	if !slices.Contains(in.GetVersions(), protocol.Version) {
		return nil, wrongVersion(in.GetVersions())
	}
	m := s.h.manifest
	out := &protocol.Manifest{
		Protocol: protocol.Version, Id: m.ID, Name: m.Name, Version: m.Version, Doc: m.Doc, Permissions: m.Permissions,
		Handlers: s.h.handlers(), Routes: s.h.routes(),
	}
	for _, need := range m.Requires {
		out.Requires = append(out.Requires, &protocol.Need{Plugin: need.Plugin, Version: need.Version})
	}
	for _, j := range s.h.jobs {
		out.Jobs = append(out.Jobs, &protocol.Job{Name: j.name, EveryMs: uint64(max(0, j.every.Milliseconds())), Cron: j.cron})
	}
	for _, c := range m.UI {
		out.Ui = append(out.Ui, &protocol.Contribution{
			Slot: c.Slot, Title: c.Title, Path: c.Path, Role: cmp.Or(c.Role, core.Agent).String(), Order: int32(c.Order),
		})
	}
	var err error
	if m.Settings != nil {
		out.SettingsSchema, out.SettingsDefaults, err = settingsOf(m.Settings)
	}
	return out, err
}

// handlers are all that the plugin has attached, at its own process's catalogue.
func (h *host) handlers() []*protocol.Handler {
	var out []*protocol.Handler
	for _, p := range hooks.Walk(h.hooks) {
		fromStart := fromStart(p)
		for _, info := range p.Handlers() {
			one := &protocol.Handler{Point: p.Point().Name, Name: h.short(info.Name), Slot: info.Slot, FromStart: fromStart[info.Name]}
			if p.Kind() == "before" && info.OnFailure != p.Point().OnFailure.String() {
				one.OnFailure = info.OnFailure
			}
			if info.Timeout != p.Point().Timeout { // the author asked for another one
				one.DeadlineMs = uint32(info.Timeout.Milliseconds())
			}
			out = append(out, one)
		}
	}
	for _, f := range h.far {
		out = append(out, &protocol.Handler{Point: f.point, Name: f.name})
	}
	return out
}

// fromStart tells which handlers of an After want what is kept already.
func fromStart(p hooks.Inspector) map[string]bool {
	out := map[string]bool{}
	if l, ok := p.(hooks.Listener); ok {
		for _, c := range l.Consumers() {
			name, _, _ := strings.Cut(c.Name(), "@")
			out[name] = c.FromStart()
		}
	}
	return out
}

// short is a handler's name without the plugin's.
func (h *host) short(name string) string { return strings.TrimPrefix(name, h.manifest.ID+".") }

func (h *host) routes() []*protocol.Route {
	var out []*protocol.Route
	for _, r := range h.rest.Routes() {
		if r.Owner == h.manifest.ID {
			out = append(out, &protocol.Route{Pattern: r.Pattern(), Policy: r.Policy.String(), Doc: r.Doc(), AnyOrigin: r.AnyOrigin()})
		}
	}
	return out
}

// settingsOf is the JSON Schema of a settings struct, in which secrets are
// writeOnly, and its defaults.
func settingsOf(settings any) (schema, defaults string, err error) {
	shape, err := rest.SchemaOf(settings)
	if err != nil {
		return "", "", err
	}
	text, err := json.Marshal(shape)
	if err != nil {
		return "", "", err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return "", "", err
	}
	properties, _ := object["properties"].(map[string]any) // none is an empty struct
	for f := range reflect.TypeOf(settings).Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if property, ok := properties[name].(map[string]any); ok && f.Tag.Get("secret") == "true" {
			property["writeOnly"] = true
		}
	}
	if text, err = json.Marshal(object); err != nil {
		return "", "", err
	}
	value, err := json.Marshal(settings)
	return string(text), string(value), err
}

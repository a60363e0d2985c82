package api

import (
	"context"
	"encoding/json"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerAdmin(o *rest.Owner) {
	o.Handle("GET /api/settings", core.Admins, rest.JSON(a.listSettings, doc("Settings of the desk and its plugins, with their schemas.")))
	o.Handle("PUT /api/settings/{plugin}", core.Admins, rest.JSON(a.putSettings,
		doc("Replace the settings of a plugin, or of the desk itself: core. Secrets left out stay.")))
	o.Handle("GET /api/plugins", core.Admins, rest.JSON(a.listPlugins, doc("The plugins of the list, in dependency order.")))
	o.Handle("POST /api/plugins/{plugin}/enable", core.Admins, rest.JSON(a.enablePlugin, doc("Switch a plugin on.")))
	o.Handle("POST /api/plugins/{plugin}/disable", core.Admins, rest.JSON(a.disablePlugin, doc("Switch a plugin off; its data stays.")))
	o.Handle("GET /api/panels", core.Requesters, rest.JSON(a.listPanels, doc("What plugins add to the pages for the caller's role, and which routes give the content.")))
	o.Handle("GET /api/hooks", core.Admins, rest.JSON(a.listHooks, doc("Every hook point, who hooks it in which order, and how that goes.")))
	o.Handle("GET /api/health/live", core.Public, rest.JSON(a.live, doc("Whether the process lives: a desk that does not answer here wants a restart.")))
	o.Handle("GET /api/health", core.Public, rest.JSON(a.health, doc("Whether requests should come to this process; 503, and why, when they should not.")))
}

type settingList struct {
	Settings []core.SettingsOf `json:"settings"`
}

func (a *api) listSettings(ctx context.Context, _ nothing) (settingList, error) {
	all, err := a.desk.Settings.List(ctx)
	return settingList{list(all)}, err
}

type putSettings struct {
	Plugin  string          `path:"plugin"`
	Value   json.RawMessage `json:"value" doc:"all fields of the schema"`
	Version *int            `json:"version,omitempty" min:"0" doc:"the one that was seen; 409 when they changed since"`
}

func (a *api) putSettings(ctx context.Context, in putSettings) (core.SettingsOf, error) {
	return a.desk.Settings.Save(ctx, in.Plugin, in.Value, in.Version)
}

type pluginList struct {
	Plugins []core.PluginState `json:"plugins"`
}

func (a *api) listPlugins(ctx context.Context, _ nothing) (pluginList, error) {
	all, err := a.desk.Plugins.List(ctx)
	return pluginList{list(all)}, err
}

type onePlugin struct {
	Plugin string `path:"plugin"`
}

func (a *api) enablePlugin(ctx context.Context, in onePlugin) (core.PluginState, error) {
	return a.desk.Plugins.Switch(ctx, in.Plugin, true)
}

func (a *api) disablePlugin(ctx context.Context, in onePlugin) (core.PluginState, error) {
	return a.desk.Plugins.Switch(ctx, in.Plugin, false)
}

type hookList struct {
	Points []core.HookPoint `json:"points"`
}

func (a *api) listHooks(ctx context.Context, _ nothing) (hookList, error) {
	all, err := a.desk.Plugins.Hooked(ctx)
	return hookList{list(all)}, err
}

func (*api) live(context.Context, nothing) (health, error) { return health{Live: true}, nil }

type health struct {
	Live  bool `json:"live"`
	Ready bool `json:"ready,omitempty" doc:"it runs and its database answers"`
}

func (a *api) health(ctx context.Context, _ nothing) (health, error) {
	if err := a.desk.Ready(ctx); err != nil {
		return health{}, err
	}
	return health{Live: true, Ready: true}, nil
}

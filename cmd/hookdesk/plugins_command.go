package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

// pluginsCommand tells of plugins: those of this program or, with --url, those of
// a running desk, which it can switch on and off.
type pluginsCommand struct {
	remote
	List    pluginsList    `cmd:"" default:"withargs" help:"List the plugins of this program or, with --url, those of a desk that runs (this is what plugins alone does)."`
	Enable  pluginsEnable  `cmd:"" help:"Switch a plugin on in the desk at --url."`
	Disable pluginsDisable `cmd:"" help:"Switch a plugin off in the desk at --url. Its routes answer 404, its hooks and jobs rest, its data stays."`
}

// pluginRow is a plugin as the API tells of it. A desk may be newer than this
// program, so what is not known here is kept to be shown as it is.
type pluginRow struct {
	core.PluginState
	more map[string]json.RawMessage
}

// UnmarshalJSON fills in the fields, and keeps the rest.
func (r *pluginRow) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &r.PluginState); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &r.more); err != nil {
		return err
	}
	for _, name := range []string{"id", "name", "version", "doc", "requires", "enabled", "process", "permissions"} {
		delete(r.more, name)
	}
	return nil
}

// state is what the plugin does at the moment.
func (r *pluginRow) state() string {
	words := []string{"off"}
	if r.Enabled {
		words[0] = "on"
	}
	if p := r.Process; p != nil {
		words = append(words, p.State)
		if p.PID != 0 {
			words = append(words, fmt.Sprintf("pid %d", p.PID))
		}
		if p.Restarts != 0 {
			words = append(words, fmt.Sprintf("%d restarts", p.Restarts))
		}
	}
	if len(r.Permissions) > 0 {
		words = append(words, "may "+strings.Join(r.Permissions, " "))
	}
	for _, name := range slices.Sorted(maps.Keys(r.more)) {
		words = append(words, fmt.Sprintf("%s %s", name, r.more[name]))
	}
	return strings.Join(words, ", ")
}

type pluginsList struct{}

// Run prints a line for each plugin.
func (pluginsList) Run(ctx context.Context, to output, all *pluginsCommand) error {
	if all.URL == "" {
		printOwnPlugins(to)
		return nil
	}
	var answer struct{ Plugins []*pluginRow }
	if err := all.get(ctx, "api/plugins", &answer); err != nil {
		return err
	}
	printPlugins(to, answer.Plugins)
	return nil
}

// printOwnPlugins knows nothing of on and off: that is for a desk's database to say.
func printOwnPlugins(to output) {
	w := columns(to.out)
	fmt.Fprintln(w, "PLUGIN\tVERSION\tREQUIRES\tDOC")
	for _, p := range firstParty() {
		m := p.Manifest()
		var requires []string
		for _, need := range m.Requires {
			requires = append(requires, need.Plugin)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, m.Version, requiresWords(requires), m.Doc)
	}
	_ = w.Flush() // as every other line of output
}

func printPlugins(to output, rows []*pluginRow) {
	w := columns(to.out)
	fmt.Fprintln(w, "PLUGIN\tVERSION\tSTATE\tREQUIRES\tDOC")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Version, r.state(), requiresWords(r.Requires), r.Doc)
	}
	_ = w.Flush() // as every other line of output
	for _, r := range rows {
		if r.Process != nil && r.Process.LastError != "" {
			to.printf("\n%s failed last on:\n    %s\n", r.ID, strings.ReplaceAll(r.Process.LastError, "\n", "\n    "))
		}
	}
}

func requiresWords(ids []string) string {
	if len(ids) == 0 {
		return "-"
	}
	return strings.Join(ids, ", ")
}

// turn switches a plugin of the desk and says how it stands then.
func (c pluginsCommand) turn(ctx context.Context, to output, id, verb string) error {
	if c.URL == "" {
		return errNoURL
	}
	var now pluginRow
	if err := c.post(ctx, "api/plugins/"+url.PathEscape(id)+"/"+verb, &now); err != nil {
		return err
	}
	to.printf("%s is %s\n", now.ID, now.state())
	return nil
}

type pluginsEnable struct {
	ID string `arg:"" help:"The plugin."`
}

// Run switches the plugin on.
func (c pluginsEnable) Run(ctx context.Context, to output, all *pluginsCommand) error {
	return all.turn(ctx, to, c.ID, "enable")
}

type pluginsDisable struct {
	ID string `arg:"" help:"The plugin."`
}

// Run switches the plugin off.
func (c pluginsDisable) Run(ctx context.Context, to output, all *pluginsCommand) error {
	return all.turn(ctx, to, c.ID, "disable")
}

package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Contribution is what a plugin adds to the pages of whoever shows the desk: data,
// so that any UI can draw it.
type Contribution struct {
	// Slot is the place, such as "ticket.sidebar"; see Slots.
	Slot string `json:"slot"`
	// Title stands above it.
	Title string `json:"title"`
	// Path is the plugin's route, below /api/, that answers with the content, a
	// Panel. {ticket} in it stands for the id of the ticket that is shown.
	Path string `json:"path"`
	// Role is the least that sees it; the zero value is agents.
	Role Role `json:"role"`
	// Order says what comes first in a slot: the lower one; then by plugin.
	Order int `json:"order"`
}

// Panel is the content of a contribution, which needs no code to be drawn.
type Panel struct {
	Fields  []PanelField  `json:"fields"`
	Actions []PanelAction `json:"actions"`
}

// PanelField is one line of a panel.
type PanelField struct {
	Label string `json:"label"`
	Text  string `json:"text" doc:"plain, never HTML"`
	URL   string `json:"url,omitempty" doc:"where the text leads: http or https"`
}

// PanelAction is a button that calls a route of the plugin.
type PanelAction struct {
	Label   string `json:"label"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	Confirm string `json:"confirm,omitempty" doc:"what to ask before"`
}

// Slots are the places for contributions.
func Slots() []string {
	return []string{
		"nav", "ticket.header", "ticket.actions", "ticket.sidebar", "ticket.thread.after", "reply.toolbar", "list.columns", "list.filters",
		"dashboard.cards", "customer.ticket", "customer.new", "person.panel", "admin.pages", "settings.page", "widget.tab",
	}
}

// PluginPanel is a contribution with the plugin that makes it.
type PluginPanel struct {
	Plugin string `json:"plugin"`
	Contribution
}

// Panels lists what plugins that are on add to a slot, or to all with "", for the
// actor's role.
func (s Plugins) Panels(ctx context.Context, slot string) ([]PluginPanel, error) {
	who := ActorFrom(ctx)
	if who.Kind == Nobody {
		return nil, Errorf(Unauthenticated, "sign in first")
	}
	if slot != "" && !slices.Contains(Slots(), slot) {
		return nil, InvalidField("slot", "no slot %q", slot)
	}
	var out []PluginPanel
	for _, h := range s.d.hosts {
		for _, c := range h.manifest.UI {
			if h.on() && (slot == "" || c.Slot == slot) && who.Kind >= c.role() {
				out = append(out, PluginPanel{h.id, c})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b PluginPanel) int { return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Order, b.Order)) })
	return out, nil
}

// faultyContribution says what is wrong with the first that is.
func faultyContribution(list []Contribution) string {
	for _, c := range list {
		switch {
		case !slices.Contains(Slots(), c.Slot):
			return fmt.Sprintf("no slot %q", c.Slot)
		case c.Title == "" || !strings.HasPrefix(c.Path, "/api/"):
			return fmt.Sprintf("%s needs a title, and the path of a route below /api/", c.Slot)
		}
	}
	return ""
}

func (c Contribution) role() Role { return cmp.Or(c.Role, Agent) }

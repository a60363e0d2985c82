package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/kb"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
	"github.com/hookdesk/hookdesk/plugins/sla"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// firstParty are the plugins of this program, new for each desk. One stands
// behind those that it requires, for migrations run in this order.
func firstParty() []core.Plugin {
	return []core.Plugin{
		sla.New(sla.Config{}),
		snooze.New(snooze.Config{}),
		kb.New(kb.Config{}),
		savedviews.New(savedviews.Config{}),
	}
}

// pluginsBut are the plugins without those that are named.
func pluginsBut(without []string) ([]core.Plugin, error) {
	list := firstParty()
	for _, id := range without {
		i := slices.IndexFunc(list, func(p core.Plugin) bool { return p.Manifest().ID == id })
		if i < 0 {
			return nil, fmt.Errorf("--without %s: there is no such plugin, or it is named twice; this program has %s", id, idsOf(firstParty()))
		}
		list = slices.Delete(list, i, i+1)
	}
	return list, nil
}

func idsOf(list []core.Plugin) string {
	ids := make([]string, 0, len(list))
	for _, p := range list {
		ids = append(ids, p.Manifest().ID)
	}
	return strings.Join(ids, ", ")
}

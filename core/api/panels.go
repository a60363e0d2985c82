package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
)

type panelQuery struct {
	Slot string `query:"slot" doc:"one place only, such as ticket.sidebar"`
}

type panelList struct {
	Panels []core.PluginPanel `json:"panels"`
}

func (a *api) listPanels(ctx context.Context, in panelQuery) (panelList, error) {
	all, err := a.desk.Plugins.Panels(ctx, in.Slot)
	return panelList{list(all)}, err
}

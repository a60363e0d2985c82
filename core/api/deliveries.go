package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerDeliveries(o *rest.Owner) {
	o.Handle("GET /api/deliveries", core.Admins, rest.JSON(a.listDeliveries, doc("How far each After handler has got in the log.")))
	o.Handle("GET /api/deliveries/parked", core.Admins, rest.JSON(a.listParked, doc("Events that a handler failed on, and those that wait behind them.")))
	o.Handle("POST /api/deliveries/parked/{id}/retry", core.Admins, rest.JSON(a.retryParked, doc("Try a parked event again now.")))
	o.Handle("DELETE /api/deliveries/parked/{id}", core.Admins, rest.JSON(a.dropParked, doc("Give a parked event up; what waits behind it goes on.")))
}

type deliveryList struct {
	Deliveries []core.Delivery `json:"deliveries"`
}

func (a *api) listDeliveries(ctx context.Context, _ nothing) (deliveryList, error) {
	all, err := a.desk.Deliveries.List(ctx)
	return deliveryList{list(all)}, err
}

type listParked struct {
	page
	Handler string `query:"handler" max:"200" doc:"of one handler: plugin.handler@event"`
}

type parkedList struct {
	Parked     []core.ParkedEvent `json:"parked"`
	NextCursor *string            `json:"next_cursor"`
}

func (a *api) listParked(ctx context.Context, in listParked) (parkedList, error) {
	rows, cursor, err := a.desk.Deliveries.Parked(ctx, in.Handler, in.page.core())
	return parkedList{list(rows), next(cursor)}, err
}

type oneParked struct {
	ID int64 `path:"id" min:"1"`
}

func (a *api) retryParked(ctx context.Context, in oneParked) (core.ParkedEvent, error) {
	return a.desk.Deliveries.Retry(ctx, in.ID)
}

func (a *api) dropParked(ctx context.Context, in oneParked) (rest.None, error) {
	return rest.None{}, a.desk.Deliveries.Drop(ctx, in.ID)
}

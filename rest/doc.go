// Package rest is the route table of a desk: who may call which row, how
// typed handlers are decoded, checked and answered, and the OpenAPI 3.1
// document that follows from it. It knows no tickets.
//
// A row is one call, with the whole path as the client calls it:
//
//	o.Handle("PUT /api/tickets/{id}/snooze", rest.Agents, rest.JSON(p.put))
//	o.Handle("GET /api/events", rest.Requesters, rest.Stream(p.follow, rest.Gives("text/event-stream")))
//	o.Handle("POST /api/hook", rest.Public, rest.Func(p.hook))
//	o.Handle("/plugins/proxy/{path...}", rest.Public, proxy)
//
// # Inputs and outputs of typed handlers
//
// Fields tagged path, query or header come from there, those tagged json from
// the body. Presence and null follow from the Go type alone, in both directions:
//
//	T with json:"x"                    must be there, never null
//	T with json:"x,omitzero"           may be missing, never null
//	*T with json:"x"                   must be there, may be null
//	*T with json:"x,omitempty"         may be missing, never null
//	Maybe[T] with json:"x,omitzero"    missing, null and value are told apart
//
// More tags: min and max (value, characters or entries), default (of what may
// be missing), doc (a sentence for OpenAPI), required:"true" (of a query or
// header field). A field url.Values tagged query:"*" receives the query names
// that plugins add by [Owner.Query].
//
// The schema that OpenAPI prints is the schema that the decoder walks, once:
// a value is checked and set in one step, so nothing can be checked in one form
// and used in another. Unknown keys and parameters are refused.
//
// # The way of a request
//
// Middleware of [Owner.Use], then the switch of the row's owner (off: 404),
// the origin (403), who is calling, the policy (401, 403), and the handler.
// A row reads path values and never the path, so it works in any router and
// under any prefix.
package rest

package hooks

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is something that has happened and was committed.
type Event[T any] struct {
	ID   int64     `json:"id"`   // given by the log, rising within a Key; 0 at a transient point
	Name string    `json:"name"` // "ticket.created"
	Key  string    `json:"key"`  // the lane in which order is kept: "ticket:7"
	At   time.Time `json:"at"`   // of the change, not of the delivery

	Actor   Actor `json:"actor"`
	Cause   int64 `json:"cause"`   // ID of the event that its actor reacted to; 0 if none
	Attempt int   `json:"attempt"` // 1 at the first delivery to this handler

	Data T `json:"data"`
}

// Envelope is an event whose data is still JSON, as the log holds it.
type Envelope = Event[json.RawMessage]

// Actor is who made a change.
type Actor struct {
	Kind     string `json:"kind"`                // requester, agent, admin, guest, plugin, system
	ID       string `json:"id"`                  // in the terms of Kind: a user's or a plugin's
	Name     string `json:"name"`                // to show
	PersonID int64  `json:"person_id,omitempty"` // 0 for who is no person
}

// open reads the data of an envelope. Fields that T does not have are ignored and
// no data leaves T zero, so events outlive changes of their payload.
func open[T any](env Envelope) (Event[T], error) {
	e := Event[T]{ID: env.ID, Name: env.Name, Key: env.Key, At: env.At,
		Actor: env.Actor, Cause: env.Cause, Attempt: env.Attempt}
	if len(env.Data) == 0 {
		return e, nil
	}
	if err := json.Unmarshal(env.Data, &e.Data); err != nil {
		return e, fmt.Errorf("read event %d %s: %w", env.ID, env.Name, err)
	}
	return e, nil
}

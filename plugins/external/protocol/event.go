package protocol

import (
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// Wrap is an event as it crosses to a plugin.
func Wrap(e hooks.Envelope) *Event {
	return &Event{
		Id: e.ID, Name: e.Name, Key: e.Key, AtUs: e.At.UnixMicro(), Cause: e.Cause, Attempt: int32(e.Attempt), Data: e.Data,
		By: &By{Kind: e.Actor.Kind, Id: e.Actor.ID, Name: e.Actor.Name, PersonId: e.Actor.PersonID},
	}
}

// Unwrap is the opposite of Wrap.
func Unwrap(e *Event) hooks.Envelope {
	by := e.GetBy()
	return hooks.Envelope{
		ID: e.GetId(), Name: e.GetName(), Key: e.GetKey(), At: time.UnixMicro(e.GetAtUs()).UTC(), Cause: e.GetCause(), Attempt: int(e.GetAttempt()),
		Actor: hooks.Actor{Kind: by.GetKind(), ID: by.GetId(), Name: by.GetName(), PersonID: by.GetPersonId()}, Data: e.GetData(),
	}
}

package sdk

import (
	"encoding/json"
	"sync"

	"github.com/hookdesk/hookdesk/core"
)

const maxActors = 256

// actors keeps those that were read lately: the same few act again and again, and
// to read one takes as long as a small handler.
type actors struct {
	mu   sync.Mutex
	read map[string]core.Actor
}

// of is the actor that text says, in JSON.
func (a *actors) of(text string) (core.Actor, error) {
	a.mu.Lock()
	who, known := a.read[text]
	a.mu.Unlock()
	if known {
		return who, nil
	}
	if err := json.Unmarshal([]byte(text), &who); err != nil {
		return who, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.read) >= maxActors || a.read == nil {
		a.read = map[string]core.Actor{}
	}
	a.read[text] = who
	return who, nil
}

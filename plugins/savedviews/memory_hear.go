package savedviews

import (
	"github.com/hookdesk/hookdesk/core"
)

// hear takes in what the log tells.
func (m *memory) hear(events []core.Happening, commits int64) {
	for i := range events {
		m.hearOne(&events[i])
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hearing, m.heard = true, commits
}

// hearOne takes one event in. The lock is not held from one to the next: those who
// ask for counts are not to wait for many.
func (m *memory) hearOne(e *core.Happening) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case e.TicketID != 0:
		m.changed(e)
	case e.Type == "person.upserted" || e.Type == "attachment.added": // no list is by what these change
		return
	case e.Type == "view.saved" || e.Type == "view.deleted":
		clear(m.plans)
		m.era++ // for plans that are being made
	default: // of a setting, a plugin, whatever a plugin's filter may go by
		m.forgetAll()
		m.calm = core.TimeOf(m.now().Add(unsettled))
	}
	m.stir()
}

// changed holds all tallies against a ticket.
func (m *memory) changed(e *core.Happening) {
	for c := range m.counting {
		c.missed = append(c.missed, *e)
	}
	for key, t := range m.tallies {
		if !t.hears(e) {
			delete(m.tallies, key)
		}
	}
}

// sweep forgets what the clock has changed, and reports whether something was.
func (m *memory) sweep() (some bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, t := range m.tallies {
		some = m.expired(key, t) || some
	}
	return some
}

// forget is for what no event tells of, or when events are not heard any more.
func (m *memory) forget(hearing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hearing = m.hearing && hearing
	m.forgetAll()
	m.stir()
}

// forgetAll also has nothing kept of what is being counted. The lock is held.
func (m *memory) forgetAll() {
	m.era++
	clear(m.plans)
	clear(m.tallies)
}

// stir lets those know who listen. It never blocks.
func (m *memory) stir() {
	select {
	case m.stirred <- struct{}{}:
	default: // they will look anyhow
	}
}

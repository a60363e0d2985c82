package savedviews

import "github.com/hookdesk/hookdesk/core"

// Remembered counts what the plugin keeps in memory.
func Remembered(p *Plugin) (plans, tallies int) {
	m := p.service.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.plans), len(m.tallies)
}

// Doubted counts the tallies of which tickets are in doubt.
func Doubted(p *Plugin) (n int) {
	m := p.service.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tallies {
		if len(t.doubts) > 0 {
			n++
		}
	}
	return n
}

// Trusts reports whether all that this process has changed was heard.
func Trusts(p *Plugin) bool { return p.service.trusts() }

// Watchers counts the streams of counts.
func Watchers(p *Plugin) int {
	p.service.live.mu.Lock()
	defer p.service.live.mu.Unlock()
	return len(p.service.live.watchers)
}

// The bounds of the memory.
const (
	MaxTallies = maxTallies
	MaxPlans   = maxPlans
)

// Fill remembers n tallies and plans of the actor's set.
func Fill(p *Plugin, set *core.TicketSet, n int) {
	m := p.service.memory
	for i := range n {
		m.mu.Lock()
		makeRoom(m.tallies, maxTallies)
		m.tallies[string(rune(i))+"x"] = &tally{set: set}
		m.mu.Unlock()
		m.keepPlan(planKey{"x", int64(i)}, &plan{}, m.thisEra())
	}
}

// Overtaken counts a set as it is and has the log tell of a ticket while it is
// being counted. It returns how many tickets are remembered.
func Overtaken(p *Plugin, set *core.TicketSet, found []int64, told core.Happening) (n int, known bool) {
	m := p.service.memory
	c := m.begin(set.Key(), true)
	m.hearOne(&told)
	m.keep(c, &tally{set: set, ids: found})
	return m.count(set.Key())
}

// Running reports whether the plugin follows the log.
func Running(p *Plugin) bool {
	p.service.live.mu.Lock()
	defer p.service.live.mu.Unlock()
	return p.service.live.stop != nil
}

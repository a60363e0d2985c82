package savedviews

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

const (
	maxTallies = 4096 // a tally has up to 100 ids: 4 MB at most
	maxPlans   = 8192
	maxDoubts  = 32
	// unsettled is how long what others have switched may take to be so in this
	// process; what is counted meanwhile is believed no longer.
	unsettled = 2 * time.Second
)

// memory keeps what was counted for as long as the log tells of nothing that
// changes it. See docs/decisions/0017.
type memory struct {
	now func() core.Time

	mu       sync.Mutex
	hearing  bool  // the log is followed
	heard    int64 // all of so many commits of this process
	era      int64 // rises when all is forgotten
	calm     core.Time
	plans    map[planKey]*plan
	tallies  map[string]*tally
	counting map[*counting]bool
	stirred  chan struct{} // something may be another count now
}

func newMemory(now func() core.Time) *memory {
	return &memory{
		now: now, plans: map[planKey]*plan{}, tallies: map[string]*tally{}, counting: map[*counting]bool{}, stirred: make(chan struct{}, 1),
	}
}

// planKey is a view and who asks: the same for two actors who may see, and whom
// hooks may tell apart by, the same.
type planKey struct {
	actor string
	view  int64
}

func actorKey(a core.Actor) string {
	return fmt.Sprintf("%s %d %d %d %q", a.Plugin, a.Person.ID, a.Kind, a.Departments, a.Rights)
}

// plan is how a view is counted for an actor.
type plan struct {
	view   int64
	query  core.TicketQuery
	key    string    // of its tickets; "": they are not remembered
	empty  bool      // it shows nothing
	failed string    // why it cannot be counted
	until  core.Time // it is made anew
}

// tally is the tickets of a set: all of them, or, when it is full, 100 of more.
type tally struct {
	set    *core.TicketSet
	ids    []int64   // ascending
	doubts []int64   // tickets that may have come or gone
	until  core.Time // it is counted anew; zero: only when it must
}

func (t *tally) full() bool { return len(t.ids) > countTo }

// hears takes an event in. It reports false when the tally cannot be known by it
// and has to be counted anew.
func (t *tally) hears(e *core.Happening) bool {
	at, in := slices.BinarySearch(t.ids, e.TicketID)
	if !in && t.full() {
		return true // 100 are there all the same
	}
	may, surely := false, false
	if e.Ticket != nil {
		may, surely = t.set.Holds(e.Ticket)
	}
	switch {
	case may && !surely:
		return t.doubt(e.TicketID)
	case may == in:
	case may:
		t.ids = slices.Insert(t.ids, at, e.TicketID)
	case t.full():
		return false // there may be another one
	default:
		t.ids = slices.Delete(t.ids, at, at+1)
	}
	return true
}

// doubt notes that a ticket may have come or gone, which only the database knows.
func (t *tally) doubt(ticket int64) bool {
	switch {
	case slices.Contains(t.doubts, ticket):
		return true
	case !t.set.Lasts() || len(t.doubts) == maxDoubts:
		return false
	}
	t.doubts = append(t.doubts, ticket)
	return true
}

// counting is a count under way, and what was heard since it began.
type counting struct {
	era    int64
	from   *tally // what was known, if only some of it is in doubt
	missed []core.Happening
}

// trusts reports whether all that this process has changed was heard.
func (m *memory) trusts(commits int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hearing && m.heard >= commits
}

// plan is one that was made before.
func (m *memory) plan(key planKey) (*plan, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.plans[key]
	if ok && !m.now().Before(p.until.Time) {
		delete(m.plans, key)
		return nil, false
	}
	return p, ok
}

func (m *memory) keepPlan(key planKey, p *plan, era int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.hearing || era != m.era {
		return
	}
	p.until = m.sooner(p.until)
	makeRoom(m.plans, maxPlans)
	m.plans[key] = p
}

// sooner is until, or when all that was switched is so here. The lock is held.
func (m *memory) sooner(until core.Time) core.Time {
	if m.now().Before(m.calm.Time) && (until.IsZero() || m.calm.Before(until.Time)) {
		return m.calm
	}
	return until
}

// makeRoom forgets any one entry of a map that is full.
func makeRoom[K comparable, V any](of map[K]V, most int) {
	for key := range of {
		if len(of) < most {
			return
		}
		delete(of, key)
	}
}

// count is how many tickets of a set there are known to be.
func (m *memory) count(key string) (n int, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tallies[key]
	if !ok || len(t.doubts) > 0 || m.expired(key, t) {
		return 0, false
	}
	return len(t.ids), true
}

// expired forgets a tally whose time is over. The lock is held.
func (m *memory) expired(key string, t *tally) bool {
	if t.until.IsZero() || m.now().Before(t.until.Time) {
		return false
	}
	delete(m.tallies, key)
	return true
}

func (m *memory) thisEra() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.era
}

// begin has what is heard from now on kept for keep.
func (m *memory) begin(key string, trusted bool) *counting {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &counting{era: m.era}
	if t, ok := m.tallies[key]; ok && trusted && len(t.doubts) > 0 && !m.expired(key, t) {
		c.from = &tally{ids: slices.Clone(t.ids), doubts: slices.Clone(t.doubts)}
	}
	m.counting[c] = true
	return c
}

// keep remembers what was counted, unless it was overtaken. t is nil where nothing
// is to be remembered.
func (m *memory) keep(c *counting, t *tally) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.counting, c)
	if t == nil || t.set.Key() == "" || !m.hearing || c.era != m.era {
		return
	}
	for i := range c.missed {
		if !t.hears(&c.missed[i]) {
			delete(m.tallies, t.set.Key())
			return
		}
	}
	t.until = m.sooner(t.until)
	makeRoom(m.tallies, maxTallies)
	m.tallies[t.set.Key()] = t
}

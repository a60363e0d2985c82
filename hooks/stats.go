package hooks

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"sync/atomic"
	"time"
)

// HandlerInfo is a handler with its statistics at one moment. Durations are in
// nanoseconds in JSON.
type HandlerInfo struct {
	Name      string        `json:"name"` // "sla.pick-policy"
	Plugin    string        `json:"plugin"`
	Slot      string        `json:"slot"` // early, normal, late
	Rank      int           `json:"rank"`
	OnFailure string        `json:"on_failure"` // abort, skip, retry
	Timeout   time.Duration `json:"timeout_ns"` // 0 is without limit

	// Calls counts all of them; one that is neither vetoed nor failed either
	// succeeded or was cut short by its caller.
	Calls    int64 `json:"calls"`
	Failures int64 `json:"failures"`
	Vetoes   int64 `json:"vetoes"`

	// Total is the time spent in the handler. P50 and P99 are upper bounds, exact
	// to a power of two: half of the calls, and 99 of 100, took less.
	Total time.Duration `json:"total_ns"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`

	// LastFailure is empty, and LastFailureAt zero, for a handler that never failed.
	LastFailure   string    `json:"last_failure,omitempty"`
	LastFailureAt time.Time `json:"last_failure_at,omitzero"`
}

func (e *entry) info() HandlerInfo {
	i := HandlerInfo{Name: e.name, Plugin: e.plugin, Slot: e.slot.String(), Rank: e.rank,
		OnFailure: e.policy(), Timeout: e.timeout}
	e.stats.fill(&i)
	return i
}

func (e *entry) policy() string {
	switch e.kind {
	case within:
		return Abort.String()
	case filter:
		return Skip.String()
	case after:
		return "retry"
	default:
		return e.onFailure.String()
	}
}

// longestText bounds the text of a last failure, in bytes.
const longestText = 2048

// buckets of latency: below 1 µs, below 2 µs, below 4 µs, … the last from 33 s on.
const buckets = 27

// stats are written on every call, by many goroutines, without a lock. The number
// of calls is the sum of the histogram.
type stats struct {
	failures, vetoes atomic.Int64
	total            atomic.Int64
	histogram        [buckets]atomic.Int64
	last             atomic.Pointer[lastFailure]
}

type lastFailure struct {
	text string
	at   time.Time
}

// load is when the program started; it is only ever subtracted from.
var load = time.Now() //nolint:gochecknoglobals // never changed

// sinceLoad reads the monotonic clock alone, in half the time of time.Now.
func sinceLoad() time.Duration { return time.Since(load) }

func (s *stats) observe(d time.Duration) {
	s.total.Add(int64(d))
	s.histogram[bucketOf(d)].Add(1)
}

func bucketOf(d time.Duration) int {
	return min(bits.Len64(uint64(max(d, 0)/time.Microsecond)), buckets-1)
}

// fail keeps the text and not the error, which may hold on to anything.
func (s *stats) fail(err error) {
	s.failures.Add(1)
	text := fmt.Sprint(err)
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "") + "…"
	}
	s.last.Store(&lastFailure{text: text, at: time.Now().UTC()})
}

func (s *stats) fill(i *HandlerInfo) {
	var counts [buckets]int64
	for b := range counts {
		counts[b] = s.histogram[b].Load()
		i.Calls += counts[b]
	}
	i.Failures, i.Vetoes = s.failures.Load(), s.vetoes.Load()
	i.Total = time.Duration(s.total.Load())
	i.P50, i.P99 = quantile(counts, i.Calls, 0.50), quantile(counts, i.Calls, 0.99)
	if last := s.last.Load(); last != nil {
		i.LastFailure, i.LastFailureAt = last.text, last.at
	}
}

// quantile is the upper bound of the bucket that the given share of calls reaches.
func quantile(counts [buckets]int64, calls int64, share float64) time.Duration {
	rest := int64(math.Ceil(share * float64(calls)))
	if rest == 0 {
		return 0
	}
	for b, n := range counts {
		if rest -= n; rest <= 0 {
			return time.Microsecond << b
		}
	}
	return time.Microsecond << (buckets - 1)
}

package hooks

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestQuantilesAreUpperBoundsToAPowerOfTwo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		took     []time.Duration
		p50, p99 time.Duration
	}{
		"no calls":                    {},
		"below a microsecond":         {[]time.Duration{999}, time.Microsecond, time.Microsecond},
		"a microsecond":               {[]time.Duration{time.Microsecond}, 2 * time.Microsecond, 2 * time.Microsecond},
		"250 ms":                      {[]time.Duration{250 * time.Millisecond}, 262144 * time.Microsecond, 262144 * time.Microsecond},
		"an odd one out of three":     {[]time.Duration{1, 1, time.Second}, time.Microsecond, 1048576 * time.Microsecond},
		"an hour is the last bucket":  {[]time.Duration{time.Hour}, time.Microsecond << 26, time.Microsecond << 26},
		"a clock that went backwards": {[]time.Duration{-time.Second}, time.Microsecond, time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s stats
			for _, d := range tt.took {
				s.observe(d)
			}
			var i HandlerInfo
			s.fill(&i)
			if i.P50 != tt.p50 || i.P99 != tt.p99 || i.Calls != int64(len(tt.took)) {
				t.Errorf("P50 %s, P99 %s, %d calls; want %s, %s, %d", i.P50, i.P99, i.Calls, tt.p50, tt.p99, len(tt.took))
			}
		})
	}
}

func TestOneCallInAHundredIsBeyondP99(t *testing.T) {
	t.Parallel()
	var s stats
	for range 99 {
		s.observe(3 * time.Microsecond)
	}
	s.observe(time.Second)
	var i HandlerInfo
	s.fill(&i)
	if i.P99 != 4*time.Microsecond {
		t.Errorf("P99 %s of 99 calls of 3 µs and a slow one", i.P99)
	}
}

func TestTheTextOfAFailureIsBounded(t *testing.T) {
	t.Parallel()
	var s stats
	s.fail(errors.New("-" + strings.Repeat("é", longestText)))
	var i HandlerInfo
	s.fill(&i)
	if len(i.LastFailure) > longestText+len("…") || !strings.HasSuffix(i.LastFailure, "é…") {
		t.Errorf("%d bytes kept", len(i.LastFailure))
	}
}

func TestHandlerInfoInJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(HandlerInfo{Name: "p.a", Plugin: "p", Slot: "late", OnFailure: "skip", Calls: 2, P50: time.Microsecond})
	want := `{"name":"p.a","plugin":"p","slot":"late","rank":0,"on_failure":"skip","timeout_ns":0,` +
		`"calls":2,"failures":0,"vetoes":0,"total_ns":0,"p50_ns":1000,"p99_ns":0}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s %v\nwant %s", got, err, want)
	}
}

package external

import (
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// Events that may be of half a megabyte each must not make a message that is
// refused, and all of them with it.
func TestABatchFitsIntoAMessage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		sizes []int
		want  []int // events of each batch
	}{
		"small ones":             {[]int{1, 1, 1}, []int{3}},
		"more than a batch":      {make([]int, maxBatch+1), []int{maxBatch, 1}},
		"large ones":             {[]int{maxBytes / 2, maxBytes / 2, 1, maxBytes - 1, 1}, []int{2, 2, 1}},
		"one that is over alone": {[]int{2 * maxBytes, 1, 2 * maxBytes}, []int{1, 1, 1}},
	} {
		b := newBatcher(nil)
		for _, size := range row.sizes {
			b.waiting = append(b.waiting, &parcel{Delivery: &protocol.Delivery{Event: &protocol.Event{Data: strings.Repeat("x", size)}}})
		}
		for _, want := range row.want {
			if got := len(b.next()); got != want {
				t.Errorf("%s: a batch of %d, want %d", name, got, want)
			}
		}
		if b.next() != nil {
			t.Errorf("%s: more is left", name)
		}
	}
}

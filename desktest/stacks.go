package desktest

import (
	"bytes"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// goroutines counts those that the desk has started.
func (d *Desk) goroutines() (n int) {
	for group := range strings.SplitSeq(d.stacks(), "\n\n") {
		count, _, _ := strings.Cut(group, " ")
		if k, err := strconv.Atoi(count); err == nil {
			n += k
		}
	}
	return n
}

// idle is how many there are once what works for a moment has gone.
func (d *Desk) idle() (n int) {
	const calm = 10
	for same := 0; same < calm; time.Sleep(10 * time.Millisecond) {
		if now := d.goroutines(); now == n {
			same++
		} else {
			n, same = now, 0
		}
	}
	return n
}

// stacks are the goroutines that the desk has started, each kind with its count.
func (d *Desk) stacks() string {
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		d.t.Fatal(err)
	}
	_, groups, _ := strings.Cut(text.String(), "\n") // the first line is the total
	mine := []string{}
	for group := range strings.SplitSeq(groups, "\n\n") {
		if strings.Contains(group, `"desktest":`+strconv.Quote(d.label)) {
			mine = append(mine, group)
		}
	}
	return strings.Join(mine, "\n\n")
}

package desktest

import (
	"bytes"
	"runtime/pprof"
	"strconv"
	"strings"
)

// stacks are the goroutines that the desk has started, each kind with its count.
func (d *Desk) stacks() string {
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		d.t.Fatal(err)
	}
	mine := []string{}
	for group := range strings.SplitSeq(text.String(), "\n\n") {
		if strings.Contains(group, `"desktest":`+strconv.Quote(d.label)) {
			mine = append(mine, group)
		}
	}
	return strings.Join(mine, "\n\n")
}

package sdk

import "sync/atomic"

// crew runs functions, each at once, in goroutines that it keeps: the stack of a
// new one would have to grow for each event anew.
type crew struct {
	next chan func()
	idle atomic.Int64
}

func (c *crew) run(fn func()) {
	select {
	case c.next <- fn:
	default:
		go c.work(fn)
	}
}

// work ends when there are more idle ones than handlers may run.
func (c *crew) work(fn func()) {
	for {
		fn()
		if c.idle.Add(1) > atOnce {
			c.idle.Add(-1)
			return
		}
		fn = <-c.next
		c.idle.Add(-1)
	}
}

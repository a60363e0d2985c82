package sdk

import "sync/atomic"

// crew runs functions, each at once, in goroutines that it keeps: the stack of a
// new one would have to grow for each event anew.
type crew struct {
	next chan func()
	idle atomic.Int64
}

// each calls fn with 0 to n-1 and does not wait. Slow ones run at once; of quick ones
// a goroutine does several, which costs less than to wake one for each.
func (c *crew) each(n int, fn func(int)) {
	var next atomic.Int64
	var join func()
	join = func() {
		for first := true; ; first = false {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if first && i+1 < n {
				c.run(join)
			}
			fn(i)
		}
	}
	c.run(join)
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

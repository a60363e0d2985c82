package sdk

import (
	"sync"
	"testing"
	"time"
)

// Each waits for all the others: it ends only if all run at the same time.
func TestSlowHandlersRunAtOnce(t *testing.T) {
	t.Parallel()
	const many = 2 * atOnce
	c := crew{next: make(chan func())}
	var together, done sync.WaitGroup
	for range 3 { // new goroutines, and then those that were kept
		together.Add(many)
		done.Add(many)
		c.each(many, func(int) {
			defer done.Done()
			together.Done()
			together.Wait()
		})
		done.Wait()
	}
}

func TestEachIsRunOnce(t *testing.T) {
	t.Parallel()
	c := crew{next: make(chan func())}
	for _, many := range []int{0, 1, 2, atOnce, 5 * atOnce} {
		var mu sync.Mutex
		runs := map[int]int{}
		var done sync.WaitGroup
		done.Add(many)
		c.each(many, func(i int) {
			defer done.Done()
			if i%7 == 0 {
				time.Sleep(time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			runs[i]++
		})
		done.Wait()
		for i := range many {
			if runs[i] != 1 {
				t.Errorf("of %d, the %d. ran %d times", many, i, runs[i])
			}
		}
	}
}

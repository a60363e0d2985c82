package core

import "time"

// OpenStreams counts the streams that have a place.
func OpenStreams(d *Desk) int {
	d.streams.mu.Lock()
	defer d.streams.mu.Unlock()
	return len(d.streams.admitted)
}

// RecheckStreams sets how long it is believed who listens.
func RecheckStreams(d *Desk, every time.Duration) {
	d.streams.mu.Lock()
	defer d.streams.mu.Unlock()
	d.streams.recheck = every
}

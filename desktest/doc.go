// Package desktest gives a test a real desk on a real database in one line, for
// Hookdesk's own tests and for those of anybody who writes a plugin:
//
//	func TestSnoozedTicketsComeBack(t *testing.T) {
//		desktest.Each(t, func(t *testing.T, db desktest.Database) {
//			d := desktest.New(t, db, snooze.New(snooze.Config{}))
//			ticket := d.Ticket(desktest.Customer)
//			d.Do(desktest.Agent, fmt.Sprintf("PUT /api/tickets/%d/snooze", ticket.ID), map[string]any{"preset": "1h"}).Want(200)
//			d.Advance(time.Hour) // the clock moves, and the jobs that are due run
//			d.Settle()           // the After handlers have taken all events
//			…
//		})
//	}
//
// Nothing is mocked. The desk runs in the background with its jobs and After
// handlers, on a database that belongs to the test alone: a file for SQLite, and
// a database of a private PostgreSQL server, which is started from the binaries
// on this machine or named by HOOKDESK_TEST_POSTGRES_DSN. Only the clock is
// false: it stands at Monday, 2 March 2026, 09:00 UTC until the test moves it.
//
// An error in the desk's log fails the test unless Desk.AllowErrors was called,
// and so does a desk that does not stop.
package desktest

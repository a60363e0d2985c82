// Package hookdesk is the front page of Hookdesk, a helpdesk that a Go program
// embeds: tickets and replies in a small core, everything else a plugin. This
// package holds no code; import the packages that are listed below.
//
// A desk lives inside your program. It uses your database, SQLite or
// PostgreSQL, your users, as your program identifies them, and your router, by
// an adapter of a few lines. There is nothing else to run.
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"net/http"
//
//		"github.com/hookdesk/hookdesk/adapters/nethttp"
//		"github.com/hookdesk/hookdesk/core"
//		"github.com/hookdesk/hookdesk/plugins/snooze"
//	)
//
//	func main() {
//		db, err := core.Open("desk.db") // or postgres://...
//		if err != nil {
//			log.Fatal(err)
//		}
//		desk, err := core.New(core.Config{
//			DB:       db,
//			Identify: identify, // who is calling? Your session knows
//			Plugins:  []core.Plugin{snooze.New(snooze.Config{})},
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		go desk.Run(context.Background()) // jobs and everything that happens after a commit
//
//		mux := http.NewServeMux()
//		nethttp.Mount(mux, "/support", desk)
//		log.Fatal(http.ListenAndServe(":8080", mux))
//	}
//
// To add or drop a feature, add or drop its plugin in that list. The desk is a
// JSON API; /support/api/docs describes it.
//
// # Packages
//
//   - [github.com/hookdesk/hookdesk/core] is the helpdesk: tickets, replies,
//     people, departments, tags, attachments, settings, the event log, jobs.
//   - [github.com/hookdesk/hookdesk/hooks] has the four kinds of hook by which
//     plugins take part in what the desk does.
//   - [github.com/hookdesk/hookdesk/rest] is the table of routes: policies, typed
//     handlers, OpenAPI, problem details.
//   - [github.com/hookdesk/hookdesk/adapters/nethttp], chi and bunrouter mount a
//     desk on a router.
//   - [github.com/hookdesk/hookdesk/plugins/snooze] is a feature, and the plugin to
//     copy.
//   - [github.com/hookdesk/hookdesk/desktest] tests a plugin on a real desk, a
//     real database and a clock that you set.
//
// The folder examples has whole programs; docs/writing-a-plugin.md is the guide
// for authors.
package hookdesk

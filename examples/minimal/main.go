// Command minimal is a helpdesk in thirty lines, on net/http.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
)

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func main() {
	db, err := core.Open(env("DATABASE_URL", "sqlite:desk.db"))
	if err != nil {
		log.Fatal(err)
	}
	desk, err := core.New(core.Config{
		DB: db,
		// WARNING: anybody can send these headers. A real host asks its session.
		UserID:  func(r *http.Request) string { return r.Header.Get("X-User") },
		IsAgent: func(r *http.Request) bool { return r.Header.Get("X-Agent") == "true" },
		IsAdmin: func(r *http.Request) bool { return r.Header.Get("X-Admin") == "true" },
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(desk.Run(context.Background())) }()
	mux := http.NewServeMux()
	nethttp.Mount(mux, "/support", desk)
	log.Fatal(http.ListenAndServe(env("ADDR", "127.0.0.1:8080"), mux))
}

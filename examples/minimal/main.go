// Command minimal is a helpdesk in thirty lines, on net/http.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log" //nolint:depguard // log.Fatal keeps it at thirty lines
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := core.Open(cmp.Or(os.Getenv("DATABASE_URL"), "sqlite:desk.db"))
	if err != nil {
		log.Fatal(err) //nolint:gocritic // the end of the program stops listening to signals as well
	}
	desk, err := core.New(core.Config{
		DB:      db,
		Files:   core.Dir("files"),
		Plugins: []core.Plugin{snooze.New(snooze.Config{})},
		// WARNING: anybody can send these headers. A real host asks its session.
		UserID:  func(r *http.Request) string { return r.Header.Get("X-User") },
		IsAgent: func(r *http.Request) bool { return r.Header.Get("X-Agent") == "true" },
		IsAdmin: func(r *http.Request) bool { return r.Header.Get("X-Admin") == "true" },
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the host's own page") })
	nethttp.Mount(mux, "/support", desk)
	server := &http.Server{Addr: cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), Handler: logged(mux)}
	log.Printf("http://%s/support/api/docs; WARNING: callers are whoever they say they are, by X-User", server.Addr)
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	if err := errors.Join(desk.Run(ctx), server.Shutdown(context.Background()), desk.Close()); err != nil {
		log.Fatal(err)
	}
}

// logged is the host's own middleware.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Println(r.Method, r.URL.Path)
		next.ServeHTTP(w, r)
	})
}

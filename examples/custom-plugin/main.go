// Command custom-plugin is a host with a plugin of its own, the blocklist, and
// a hook of its own beside it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/examples/custom-plugin/blocklist"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	addr := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")
	err := run(ctx, log, addr, cmp.Or(os.Getenv("DATABASE_URL"), "sqlite:desk.db"))
	stop()
	if err != nil {
		log.Error("the host stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, log *slog.Logger, addr, dsn string) error {
	db, err := core.Open(dsn)
	if err != nil {
		return err
	}
	desk, err := core.New(core.Config{
		DB:     db,
		Logger: log,
		Files:  core.Dir("files"),
		Plugins: []core.Plugin{
			snooze.New(snooze.Config{}),
			blocklist.New(blocklist.Config{Words: []string{"darn", "heck"}}),
			core.Inline("acme", own),
		},
		// WARNING: anybody can send these headers. A real host asks its session.
		UserID:  func(r *http.Request) string { return r.Header.Get("X-User") },
		IsAgent: func(r *http.Request) bool { return r.Header.Get("X-Agent") == "true" },
		IsAdmin: func(r *http.Request) bool { return r.Header.Get("X-Admin") == "true" },
	})
	if err != nil {
		return err
	}
	log.WarnContext(ctx, "callers are whoever they say they are, by the header X-User: never do this where others reach you")
	log.InfoContext(ctx, "listening", "docs", "http://"+addr+"/support/api/docs")
	server := &http.Server{Addr: addr, Handler: routes(desk, log), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		failed <- server.ListenAndServe()
		stop()
	}()
	err = errors.Join(desk.Run(ctx), server.Shutdown(context.WithoutCancel(ctx)), desk.Close())
	if why := <-failed; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(why, err)
	}
	return err
}

// own is for what is too small for a plugin: the host's own hooks.
func own(h core.Host) error {
	h.Hooks().Ticket.Create.After.Add(h, "log", func(ctx context.Context, e hooks.Event[core.TicketCreated]) error {
		h.Log().InfoContext(ctx, "a new ticket", "reference", e.Data.Ticket.Reference(), "by", e.Actor.Name)
		return nil
	})
	return nil
}

// routes is the host: its own page behind its own middleware, and the desk.
func routes(desk *core.Desk, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the host's own page") })
	nethttp.Mount(mux, "/support", desk)
	return logged(mux, log)
}

// logged is the host's own middleware.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path)
		next.ServeHTTP(w, r)
	})
}

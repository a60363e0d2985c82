// Command bunrouter is a host on bunrouter that switches features on and off by
// the list of plugins.
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

	gobun "github.com/uptrace/bunrouter"

	"github.com/hookdesk/hookdesk/adapters/bunrouter"
	"github.com/hookdesk/hookdesk/core"
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
			snooze.New(snooze.Config{}), // without this line, nothing sleeps
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

// routes is the host: its middleware, its own page, and the desk beside it.
func routes(desk *core.Desk, log *slog.Logger) http.Handler {
	r := gobun.New(gobun.Use(logged(log)))
	r.GET("/", func(w http.ResponseWriter, _ gobun.Request) error {
		_, err := fmt.Fprintln(w, "the host's own page")
		return err
	})
	bunrouter.Mount(r.NewGroup("/support"), desk)
	return r
}

// logged is the host's own middleware.
func logged(log *slog.Logger) gobun.MiddlewareFunc {
	return func(next gobun.HandlerFunc) gobun.HandlerFunc {
		return func(w http.ResponseWriter, r gobun.Request) error {
			log.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "route", r.Route())
			return next(w, r)
		}
	}
}

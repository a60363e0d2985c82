// Command chi-postgres is a host on chi that keeps its desk on PostgreSQL; on
// SQLite it runs as well. It knows its callers by one Identify function.
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

	gochi "github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/hookdesk/hookdesk/adapters/chi"
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
		DB:           db,
		Logger:       log,
		Identify:     identify,
		GuestTickets: true,
		BaseURL:      "http://" + addr + "/support",
		Files:        core.Dir("files"),
		Plugins:      []core.Plugin{snooze.New(snooze.Config{})},
	})
	if err != nil {
		return err
	}
	log.WarnContext(ctx, "callers are whoever they say they are, by the header X-User: never do this where others reach you")
	log.InfoContext(ctx, "listening", "docs", desk.BaseURL()+"/api/docs")
	server := &http.Server{Addr: addr, Handler: routes(desk), ReadHeaderTimeout: 10 * time.Second}
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
func routes(desk *core.Desk) http.Handler {
	r := gochi.NewRouter()
	r.Use(middleware.RequestID, middleware.Logger, middleware.Recoverer)
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the host's own page") })
	r.Route("/support", func(r gochi.Router) { chi.Mount(r, desk) })
	return r
}

// identify tells the desk who calls.
//
// WARNING: this believes everybody. A real host looks up its own session here
// and never trusts a header that a caller can set.
func identify(r *http.Request) (core.Identity, error) {
	id := core.Identity{UserID: r.Header.Get("X-User"), Role: core.Requester, Name: r.Header.Get("X-Name")}
	if r.Header.Get("X-Agent") == "true" {
		id.Role = core.Agent
	}
	if r.Header.Get("X-Admin") == "true" {
		id.Role = core.Admin
	}
	return id, nil
}

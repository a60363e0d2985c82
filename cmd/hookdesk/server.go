package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
)

// stopWithin is how long requests that are under way may take at the end.
const stopWithin = 10 * time.Second

// listen takes the address before anything else is done.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the address %s is taken by another program: stop that, or choose another one by --addr or ADDR", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("the address %s cannot be used: %w", addr, err)
	}
	return l, nil
}

// server is a desk that serves on a listener.
type server struct {
	desk   *core.Desk
	listen net.Listener
	prefix string
	log    *slog.Logger
}

// run serves until ctx ends. Then it takes no more requests, lets those that
// are under way come to their end, and last stops the desk.
func (s server) run(ctx context.Context) error {
	web := &http.Server{
		Handler: nethttp.Handler(s.prefix, s.desk), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	whole, stopDesk := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDesk()
	ended := make(chan error, 2)
	go func() { ended <- s.serve(whole, web) }()
	go func() { ended <- s.desk.Run(whole) }()
	var errs []error
	left := 2
	select {
	case <-ctx.Done():
	case err := <-ended: // one of the two could not go on, so the other shall not
		errs = append(errs, err)
		left--
	}
	errs = append(errs, shutdown(context.WithoutCancel(ctx), web))
	stopDesk()
	for range left {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// deskWithin is how long requests may wait for a desk that starts.
const deskWithin = 15 * time.Second

// serve takes requests once the desk runs, with the processes of its plugins: those
// that come before wait, rather than be told that a plugin is not there.
func (s server) serve(ctx context.Context, web *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, deskWithin)
	defer cancel()
	for s.desk.Ready(ctx) != nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return served(web.Serve(s.listen))
}

// served drops the error that says that all is well.
func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// shutdown waits for requests, but not for ever.
func shutdown(ctx context.Context, web *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	err := web.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("requests were cut off that took longer than %s to end", stopWithin), web.Close())
	}
	return err
}

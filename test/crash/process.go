package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
)

// processEnv makes this program a desk: the JSON of what it is to be.
const processEnv = "HOOKDESK_CRASH_DESK"

// spec is what a desk's process is told.
type spec struct {
	Database string        `json:"database"`
	Files    string        `json:"files"`
	Lease    time.Duration `json:"lease"`
	Plant    string        `json:"plant"` // the bug that is built in, "" for none
}

const prefix = "/support"

// The headers that say who is calling.
const (
	userHeader  = "X-User"
	agentHeader = "X-Agent"
	adminHeader = "X-Admin"
)

func caller(r *http.Request) (core.Identity, error) {
	id := core.Identity{UserID: r.Header.Get(userHeader), Role: core.Requester}
	switch {
	case r.Header.Get(adminHeader) != "":
		id.Role = core.Admin
	case r.Header.Get(agentHeader) != "":
		id.Role = core.Agent
	}
	return id, nil
}

// serve is the main function of a desk's process. It says where it listens, and
// ends when it is told to by SIGTERM; mostly it is killed before.
func serve(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	desk, err := s.desk()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	whole, end := context.WithCancel(context.Background())
	defer end()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: nethttp.Handler(prefix, desk), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 2)
	go func() { ended <- web.Serve(l) }()
	go func() { ended <- desk.Run(whole) }()
	fmt.Println("http://" + l.Addr().String() + prefix) // the parent reads it
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(whole, 10*time.Second)
	defer cancel()
	err = web.Shutdown(last)
	end()
	if failed := errors.Join(<-ended, <-ended); !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return errors.Join(err, desk.Close())
}

// desk makes the desk, with the bug in it if there is to be one.
func (s spec) desk() (*core.Desk, error) {
	db, err := core.Open(s.Database)
	if err != nil {
		return nil, err
	}
	store, err := s.store(db)
	if err != nil {
		return nil, err
	}
	return core.New(core.Config{
		DB: db, Store: store, Files: core.Dir(s.Files), Identify: caller, Lease: s.Lease,
		BaseURL: "http://desk.example" + prefix, Plugins: []core.Plugin{&probe{within: store == nil}},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

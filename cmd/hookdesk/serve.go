package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// tables are where the rows are.
type tables struct {
	Database    string `env:"DATABASE_URL" default:"sqlite:desk.db" placeholder:"DSN" help:"Such as sqlite:desk.db or postgres://user@host/name (default: ${default})."`
	TablePrefix string `default:"hookdesk_" placeholder:"PREFIX" help:"What the names of all tables start with (default: ${default})."`
}

// open opens the database; end closes it.
func (t tables) open() (db *gorm.DB, end func() error, err error) {
	db, err = core.Open(t.Database)
	if err != nil {
		return nil, nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, nil, err
	}
	return db, pool.Close, nil
}

type serveCommand struct {
	tables
	binaries
	Addr         string   `env:"ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (default: ${default})."`
	Prefix       string   `default:"/support" placeholder:"PATH" help:"The path that the desk lies below, or / (default: ${default})."`
	BaseURL      string   `name:"base-url" placeholder:"URL" help:"Where callers reach the desk, prefix included, such as https://example.com/support: for links, and to tell whose pages may write."`
	Files        string   `default:"files" placeholder:"DIR" help:"The folder of attachments; \"\" refuses uploads (default: ${default})."`
	Without      []string `placeholder:"PLUGIN" help:"Leave a plugin out. Its data stays."`
	TrustHeaders bool     `help:"Believe the headers that say who is calling; without it, serve does not start. Only for a desk that nobody reaches but through a proxy which replaces them."`
}

// secretEnv is no flag: the arguments of a program are there for all to read.
const secretEnv = "HOOKDESK_SECRET"

// Help is what stands above the flags.
func (serveCommand) Help() string {
	return `The desk has no passwords. It believes what these headers say of the caller:

  X-User: anna                  the user's id; without it the caller is nobody
  X-User-Name: Anna Kim         for people to read (optional)
  X-User-Email: anna@a.example  (optional)
  X-Agent: true                 the caller is an agent
  X-Admin: true                 the caller is an admin

Anybody can send such headers. So a reverse proxy has to stand in front, ask
each caller to sign in, remove these headers from what the caller sent, and set
them itself; and nobody may reach the address of this server but the proxy.
--trust-headers says that this is so.

The tables are brought up to date at the start. SIGINT and SIGTERM stop the
server once the requests under way have been answered, or after 10 seconds.

A binary that is a plugin of its own is given by --plugin. What it may do to the
desk is what --grant says, and it has to be granted all that it asks for; hookdesk
plugin verify ./bin/classify prints both flags:

  --plugin ./bin/classify=sha256:9f2c…    run this very binary, and no other
  --plugin ./bin/classify                 or whatever the file holds
  --plugin ./bin/mask=plaintext           one that knows nothing of TLS, as in Python
  --grant classify=tickets:read,tickets:write

` + secretEnv + ` in the environment encrypts the settings that are secret:
64 hexadecimal digits, as of: openssl rand -hex 32. A desk with a plugin that
has such settings does not start without it.`
}

var (
	errUntrusted = errors.New("a caller is whoever " + userHeader + ", " + agentHeader + " and " + adminHeader + " say, and anybody can send these headers. " +
		"Put a proxy in front that replaces them, let nobody else reach this server, and say so by --trust-headers (hookdesk serve --help tells more)")
	prefixForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*/?$`)
)

// Run serves until ctx ends.
func (c serveCommand) Run(ctx context.Context, to output) (err error) {
	if !c.TrustHeaders {
		return errUntrusted
	}
	log := to.logger(slog.LevelInfo)
	config, err := c.config(os.Getenv(secretEnv))
	if err != nil {
		return err
	}
	config.Logger = log
	l, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // when the server did not come to it
	db, end, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	config.DB = db
	desk, err := core.New(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	to.printf("Hookdesk listens on %s; the API is described at http://%[1]s%s/api/docs\n", l.Addr(), c.path())
	return server{desk, l, c.path(), log}.run(ctx)
}

// path is the prefix as routes want it.
func (c serveCommand) path() string {
	if n := len(c.Prefix); n > 0 && c.Prefix[n-1] == '/' {
		return c.Prefix[:n-1]
	}
	return c.Prefix
}

// config is the desk without its database.
func (c serveCommand) config(secret string) (core.Config, error) {
	config := core.Config{TablePrefix: c.TablePrefix, Identify: caller, BaseURL: c.BaseURL}
	if !prefixForm.MatchString(c.Prefix) {
		return config, fmt.Errorf("--prefix %s: it must be a path such as /support", c.Prefix)
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return config, fmt.Errorf("--base-url %s: it must be an address such as https://example.com/support", c.BaseURL)
	}
	if c.Files != "" {
		config.Files = core.Dir(c.Files)
	}
	var err error
	if config.Secret, err = secretOf(secret); err != nil {
		return config, err
	}
	if config.Plugins, err = pluginsBut(c.Without); err != nil {
		return config, err
	}
	more, err := c.plugins()
	config.Plugins = append(config.Plugins, more...)
	return config, err
}

// secretOf reads what secretEnv holds; nothing is no secret.
func secretOf(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	secret, err := hex.DecodeString(text)
	if err != nil || len(secret) != 32 {
		return nil, errors.New(secretEnv + " must be 64 hexadecimal digits") // and is not repeated
	}
	return secret, nil
}

//go:build !unix

package pgtest

import "errors"

var errNone = errors.New("pgtest: no PostgreSQL for the tests: set " + EnvDSN +
	" to a server whose role may create databases, or install PostgreSQL and run the tests on a Unix (WSL will do)")

// start cannot start a server here: it needs a shell and sockets in a directory.
func start() (string, error) { return "", errNone }

// Server cannot be had here either.
type Server struct{}

// NewServer fails.
func NewServer() (*Server, error) { return nil, errNone }

// DSN is that of no database.
func (*Server) DSN(string) string { return "" }

// Create fails.
func (*Server) Create() (string, error) { return "", errNone }

// StopNow fails.
func (*Server) StopNow() error { return errNone }

// Start fails.
func (*Server) Start() error { return errNone }

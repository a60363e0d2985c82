//go:build !unix

package pgtest

import "errors"

// start cannot start a server here: it needs a shell and sockets in a directory.
func start() (string, error) {
	return "", errors.New("pgtest: no PostgreSQL for the tests: set " + EnvDSN +
		" to a server whose role may create databases, or install PostgreSQL and run the tests on a Unix (WSL will do)")
}

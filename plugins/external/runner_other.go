//go:build !unix

package external

import (
	"errors"

	"github.com/hashicorp/go-plugin/runner"
)

// groupRunner needs process groups and sockets in folders.
type groupRunner struct{ runner.Runner }

func newRunner(string, options, []string) (*groupRunner, error) {
	return nil, errors.New("external plugins need a Unix")
}

func (*groupRunner) killGroup() {}

func (*groupRunner) close() {}

func (*groupRunner) gone() <-chan struct{} { return nil }

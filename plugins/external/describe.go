package external

import (
	"errors"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// ErrPlaintext is part of the error of a binary that answers without TLS where the
// desk speaks it.
var ErrPlaintext = errors.New("a plugin that knows nothing of certificates needs Plaintext")

// Description is what a binary says of itself, before a desk takes it.
type Description struct {
	Manifest *protocol.Manifest
	SHA256   string // of the file, as the option SHA256 wants it
}

// Describe runs the binary for a moment, unless Manifest has done so already, and
// gives what it says, whatever was granted. It fails when the binary cannot be run,
// is no plugin, or asks for settings or panels that no desk can have; with
// ErrPlaintext, when that option may help.
func (p *Plugin) Describe() (Description, error) {
	p.Manifest()
	if p.err != nil {
		return Description{}, p.err
	}
	return Description{p.told, p.sum}, nil
}

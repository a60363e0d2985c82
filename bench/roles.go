package main

import (
	"os"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// playRole makes this program what another run of it wants it to be: so that what
// that costs is not taken for what a desk costs. It reports whether it was one.
func playRole() (bool, error) {
	switch spec, bare := os.Getenv(crowdEnv), os.Getenv(bareEnv); {
	case spec != "":
		return true, listenAsMany(spec)
	case bare != "":
		return true, serveBare(bare)
	case os.Getenv(protocol.Handshake().MagicCookieKey) != "":
		sdk.Serve(hurry{})
		return true, nil
	}
	return false, nil
}

package sdk

import (
	"context"
	"net/http"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
	"github.com/hookdesk/hookdesk/rest"
)

// identify believes the desk, and nobody else who may have found the socket.
func (h *host) identify(r *http.Request) (context.Context, rest.Caller, error) {
	who, err := protocol.Verify(r, h.link.identityKey(), h.clock.Now())
	if err != nil {
		return r.Context(), nil, core.Errorf(core.Unauthenticated, "%v", err)
	}
	return core.As(r.Context(), who), who, nil
}

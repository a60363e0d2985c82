// Package protocol is what crosses the border between a desk and a plugin in
// another process: the calls of plugin.proto, and what is agreed on around them.
package protocol

import (
	"context"

	plugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Version is the version of the protocol that this package speaks. Additions do
// not change it.
const Version = 1

// Service is the name under which go-plugin knows the one service of a plugin.
const Service = "hookdesk"

// Handshake keeps a binary that is no plugin of Hookdesk from being taken for one.
// The cookie is no secret.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{MagicCookieKey: "HOOKDESK_PLUGIN", MagicCookieValue: "b1d0c3e5-hookdesk-plugin"}
}

// ParentFD is the file descriptor of a pipe that ends when the desk does.
const ParentFD = 3

// TokenKey is the metadata of calls to Host that carries Configuration.token.
const TokenKey = "hookdesk-token"

// GRPC is the Plugin of go-plugin: what it makes of a connection.
type GRPC struct {
	plugin.NetRPCUnsupportedPlugin

	Plugin PluginServer // of the plugin's side
}

// GRPCServer implements plugin.GRPCPlugin.
func (g *GRPC) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	RegisterPluginServer(s, g.Plugin)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (g *GRPC) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return NewPluginClient(c), nil
}

// Window is how many bytes may be on their way without a word from the other side.
// A fixed one spares the pings by which gRPC looks for the best.
const Window = 1 << 20

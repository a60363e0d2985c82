package sdk

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/hashicorp/go-hclog"
	plugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// keptWorkers are goroutines that answer calls and are kept for the next, with the
// stack that they have; more calls at once get one of their own.
const keptWorkers = 8

// Serve is the whole main of an external plugin. It returns, or ends the process,
// when the desk has no more use for it.
func Serve(p core.Plugin) {
	h, err := newHost(p)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the main of a program
	}
	leaveWithParent()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  protocol.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{protocol.Version: {protocol.Service: &protocol.GRPC{Plugin: newServer(h)}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.UnaryInterceptor(survive), grpc.NumStreamWorkers(keptWorkers),
				grpc.InitialWindowSize(protocol.Window), grpc.InitialConnWindowSize(protocol.Window))...)
		},
		Logger: hclog.NewNullLogger(), // go-plugin's own; the plugin's goes by Host.Log
	})
}

// survive keeps a panic from ending the process.
func survive(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Errorf(codes.Internal, "panic in %s: %v\n%s", info.FullMethod, p, debug.Stack())
		}
	}()
	return next(ctx, in)
}

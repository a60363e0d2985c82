package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// bareEnv makes this program a server with one call that does nothing: its value is
// the PEM of a certificate and its key.
const bareEnv = "HOOKDESK_BENCH_BARE"

// barePatch is what that call answers.
const barePatch = `{"priority":"urgent"}`

// bareServer is the other side of a bare call.
type bareServer struct {
	protocol.UnimplementedPluginServer
}

func (bareServer) Invoke(context.Context, *protocol.Invocation) (*protocol.Answer, error) {
	return &protocol.Answer{Patch: []byte(barePatch)}, nil
}

// serveBare serves on a socket beside its working directory until its standard input ends.
func serveBare(certificate string) error {
	creds, err := sameOnBothSides([]byte(certificate))
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", "bare.sock")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(creds))
	protocol.RegisterPluginServer(server, bareServer{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // it ends with the measurements
		server.Stop()
	}()
	fmt.Println("ready")
	return server.Serve(l)
}

// bareClient calls a bareServer in another process, over a Unix socket with TLS on
// both sides, as plugins/external does.
type bareClient struct {
	protocol.PluginClient
	undo []func() error
}

func startBare(ctx context.Context) (_ *bareClient, err error) {
	b := &bareClient{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bare")
	if err != nil {
		return nil, err
	}
	b.undo = append(b.undo, func() error { return os.RemoveAll(dir) })
	certificate, err := makeCertificate()
	if err != nil {
		return nil, err
	}
	program := exec.CommandContext(ctx, self)
	program.Dir, program.Env, program.Stderr = dir, append(os.Environ(), bareEnv+"="+string(certificate)), os.Stderr
	in, err := program.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := program.Start(); err != nil {
		return nil, err
	}
	b.undo = append(b.undo, func() error { return errors.Join(in.Close(), program.Wait()) })
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "ready" {
		return nil, fmt.Errorf("the bare server said %q: %w", line, err)
	}
	creds, err := sameOnBothSides(certificate)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("unix:"+filepath.Join(dir, "bare.sock"), grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, err
	}
	b.undo = append(b.undo, conn.Close)
	b.PluginClient = protocol.NewPluginClient(conn)
	return b, nil
}

func (b *bareClient) close() error {
	var err error
	for _, undo := range slices.Backward(b.undo) {
		err = errors.Join(err, undo())
	}
	return err
}

// sameOnBothSides lets who holds the certificate talk to who holds it.
func sameOnBothSides(certificate []byte) (credentials.TransportCredentials, error) {
	pair, err := tls.X509KeyPair(certificate, certificate)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, RootCAs: pool,
		ServerName: "localhost", MinVersion: tls.VersionTLS12,
	}), nil
}

// makeCertificate is a certificate for localhost that is its own authority, with
// its key, as PEM.
func makeCertificate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return nil, err
	}
	is := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, is, is, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})...), nil
}

package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"google.golang.org/grpc"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// logHandler sends records to the desk's log; what cannot be sent goes to the
// standard error, which the desk reads as well.
type logHandler struct {
	link   *link
	prefix string // of groups
	attrs  []slog.Attr
}

func (l *logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (l *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *l
	next.attrs = slices.Clip(l.attrs)
	for _, a := range attrs {
		next.attrs = append(next.attrs, slog.Attr{Key: l.prefix + a.Key, Value: a.Value})
	}
	return &next
}

func (l *logHandler) WithGroup(name string) slog.Handler {
	next := *l
	next.prefix += name + "."
	return &next
}

// Handle implements slog.Handler.
func (l *logHandler) Handle(_ context.Context, r slog.Record) error {
	attributes := map[string]any{}
	for _, a := range l.attrs {
		attributes[a.Key] = plain(a.Value)
	}
	r.Attrs(func(a slog.Attr) bool {
		attributes[l.prefix+a.Key] = plain(a.Value)
		return true
	})
	text, err := json.Marshal(attributes)
	if err != nil {
		return err
	}
	record := &protocol.LogRecord{Level: int32(r.Level), Message: r.Message, Attributes: string(text)}
	if l.link.send(record) != nil {
		fmt.Fprintf(os.Stderr, "%s %s %s\n", r.Level, r.Message, text)
	}
	return nil
}

// plain is a value that JSON can hold.
func plain(v slog.Value) any {
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindString:
		return v.Any()
	default:
		return v.String()
	}
}

// logs is the stream of records, opened with the first.
type logs struct {
	mu     sync.Mutex
	stream grpc.ClientStreamingClient[protocol.LogRecord, protocol.LogEnd]
}

func (l *link) send(r *protocol.LogRecord) error {
	l.logs.mu.Lock()
	defer l.logs.mu.Unlock()
	if l.logs.stream == nil {
		ctx, client, err := l.client(context.Background())
		if err != nil {
			return err
		}
		if l.logs.stream, err = client.Log(ctx); err != nil {
			return err
		}
	}
	err := l.logs.stream.Send(r)
	if err != nil {
		l.logs.stream = nil // the next record opens another one
	}
	return err
}

package external

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// configure tells the process what it has to know, with the settings of now.
func (s *supervisor) configure(ctx context.Context, proc *process) error {
	settings, err := s.settings()
	if err != nil {
		return err
	}
	_, err = proc.Configure(ctx, &protocol.Configuration{
		Protocol: protocol.Version, Settings: settings, HostSocket: proc.hostSocket(), HttpSocket: proc.webSocket(),
		Token: proc.token, IdentityKey: proc.key, BaseUrl: s.p.host.Desk().BaseURL(),
	})
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	proc.settings.Store(&settings)
	return nil
}

// update tells a process of settings that have changed, in no more time than a
// start may take: who hangs must not hold up those who look after it.
func (s *supervisor) update(ctx context.Context, proc *process) error {
	if !s.outdated(proc) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.p.o.start)
	defer cancel()
	return s.configure(ctx, proc)
}

// outdated reports whether a process has other settings than those of now, as far
// as these can be read.
func (s *supervisor) outdated(proc *process) bool {
	now, err := s.settings()
	has := proc.settings.Load()
	return err == nil && (has == nil || *has != now)
}

func (s *supervisor) settings() (string, error) {
	if s.p.manifest.Settings == nil {
		return "", nil
	}
	into := reflect.New(reflect.TypeOf(s.p.manifest.Settings))
	if err := s.p.host.Settings(into.Interface()); err != nil {
		return "", err
	}
	text, err := json.Marshal(into.Interface())
	return string(text), err
}

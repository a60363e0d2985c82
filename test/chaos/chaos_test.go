package main

import (
	"os"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/plugins/external/sdk"
)

// TestMain is the main function of the plugin too.
func TestMain(m *testing.M) {
	if dir := os.Getenv(dirEnv); dir != "" {
		sdk.Serve(&probe{dir: dir})
		return
	}
	os.Exit(m.Run())
}

// What make chaos does at length, and by the clock; other tests run beside this one.
func TestWhatHappensToAPluginDoesNotHappenToTheDesk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it measures time, which the race detector stretches")
	}
	var out strings.Builder
	err := run(t.Context(), []string{"-rounds", "10", "-slack", "1s"}, &out)
	t.Log("\n" + out.String())
	if err != nil {
		t.Error(err)
	}
}

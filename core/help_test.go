package core_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/desktest"
)

const day = 24 * time.Hour

func purge(t *testing.T, d *desktest.Desk) {
	t.Helper()
	if err := d.RunJob(context.Background(), "core.purge"); err != nil {
		t.Fatal(err)
	}
}

package external_test

import (
	"os"
	"testing"

	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
)

func TestAGoodBinaryPasses(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	desktest.ExerciseBinary(t, self, desktest.How(external.Env(roleEnv, "classify"), external.Dir(shortDir(t))))
}

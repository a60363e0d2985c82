package external_test

import (
	"os"
	"testing"

	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/external"
)

func TestAGoodBinaryPasses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes long, and shows nothing that the other tests share memory by")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	desktest.ExerciseBinary(t, self, desktest.How(external.Env(roleEnv, "classify"), external.Dir(shortDir(t))))
}

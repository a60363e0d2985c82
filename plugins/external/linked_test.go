package external_test

import (
	"os/exec"
	"strings"
	"testing"
)

func TestADeskWithoutExternalPluginsLinksNoGRPC(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "../../core/...", "../../adapters/...", "../../examples/minimal").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(name, "google.golang.org/grpc") || strings.HasPrefix(name, "github.com/hashicorp/go-plugin") {
			t.Errorf("%s is linked", name)
		}
	}
}

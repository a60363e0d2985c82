package rest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// A body that was announced and does not come is not waited for; one that comes
// slowly is, however long it takes altogether.
func TestABodyThatStopsIsGivenUp(t *testing.T) {
	t.Parallel()
	const pause = 200 * time.Millisecond
	read := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(&patientBody{r.Body, http.NewResponseController(w), pause})
		read <- err
	}))
	t.Cleanup(server.Close)
	for name, row := range map[string]struct {
		pieces int
		given  bool
	}{"slow": {8, true}, "stopped": {3, false}} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 80\r\n\r\n")
		for range row.pieces {
			fmt.Fprint(conn, strings.Repeat("x", 10))
			time.Sleep(pause / 4)
		}
		select {
		case err := <-read:
			if late := errors.Is(err, os.ErrDeadlineExceeded); row.given && err != nil || !row.given && !late {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it is waited for", name)
		}
	}
}

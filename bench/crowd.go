package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// listenAsMany is the main function of the process that is a crowd: it says when
// all are connected, and from then on when the last one was told of an event. It
// ends with its standard input.
func listenAsMany(spec string) error {
	address, count, _ := strings.Cut(spec, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	var told atomic.Int64
	frame := func() {
		if now := told.Add(1); now%int64(n) == 0 {
			fmt.Println(time.Now().UnixNano())
		}
	}
	gone := make(chan error, n)
	if err := connect(at, n, frame, gone); err != nil {
		return err
	}
	fmt.Println("all are here")
	left := make(chan struct{})
	go func() {
		defer close(left)
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends
	}()
	select {
	case <-left:
		return nil
	case err := <-gone:
		return errors.Join(errors.New("a stream has ended"), err)
	}
}

// connect opens n streams, some at a time.
func connect(at *url.URL, n int, frame func(), gone chan<- error) error {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	turn := make(chan struct{}, 50)
	for i := range n {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			lines, err := browser(at, i)
			if err != nil {
				errs <- err
				return
			}
			go func() {
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), "data:") {
						frame()
					}
				}
				gone <- lines.Err()
			}()
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// browser opens one stream: few come from one address, and fewer are of one user,
// as a desk would have it.
func browser(at *url.URL, i int) (*bufio.Scanner, error) {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i/150))}
	conn, err := (&net.Dialer{LocalAddr: from}).DialContext(context.Background(), "tcp", at.Host)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n%s: browser-%d\r\n\r\n", at.RequestURI(), at.Host, userHeader, i/15)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bufio.NewReaderSize(conn, 2048))
	for lines.Scan() {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "HTTP/1.1 ") && !strings.HasPrefix(text, "HTTP/1.1 "+strconv.Itoa(http.StatusOK)):
			return nil, errors.New(text)
		case strings.HasPrefix(text, "retry:"):
			return lines, nil
		}
	}
	return nil, errors.Join(errors.New("no stream"), lines.Err())
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/rest"
)

// remote is a running desk, as the flags name it, and who calls it.
type remote struct {
	URL    string   `name:"url" env:"HOOKDESK_URL" placeholder:"URL" help:"Ask a desk that runs, at the address that its API lies below, such as http://127.0.0.1:8080/support."`
	User   string   `placeholder:"ID" help:"Call it as this admin, by the headers that hookdesk serve believes."`
	Header []string `env:"HOOKDESK_HEADER" sep:"none" placeholder:"NAME:VALUE" help:"Call it with this header as well, for a desk that knows its admins otherwise. Arguments of a program are there for all to read: a secret is better off in HOOKDESK_HEADER."`
}

const (
	answerWithin = 15 * time.Second
	longestBody  = 16 << 20 // of an answer, in bytes
)

var errNoURL = errors.New("say which desk by --url, such as --url http://127.0.0.1:8080/support")

// get asks for what lies at path and puts it into answer.
func (r remote) get(ctx context.Context, path string, answer any) error {
	return r.call(ctx, http.MethodGet, path, answer)
}

// post asks the desk to do something.
func (r remote) post(ctx context.Context, path string, answer any) error {
	return r.call(ctx, http.MethodPost, path, answer)
}

func (r remote) call(ctx context.Context, method, path string, answer any) error {
	request, err := r.request(ctx, method, path)
	if err != nil {
		return err
	}
	client := http.Client{
		Timeout: answerWithin,
		// The headers say that an admin is calling: they are for this desk alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	got, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no desk answers at %s: %w", r.URL, errors.Unwrap(err))
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, longestBody))
	if err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", r.URL, err)
	}
	if got.StatusCode != http.StatusOK {
		return r.refusal(got, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s answers, but not as a desk does: is it the address that /api lies below? (%w)", r.URL, err)
	}
	return nil
}

func (r remote) request(ctx context.Context, method, path string) (*http.Request, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--url %s: it must be the address of a desk, such as http://127.0.0.1:8080/support", r.URL)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.JoinPath(path).String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("--url %s: %w", r.URL, err)
	}
	if r.User != "" {
		request.Header.Set(userHeader, r.User)
		request.Header.Set(adminHeader, "true")
	}
	for _, line := range r.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, errors.New("--header: it must be a name and a value, such as \"Cookie: session=…\"") // and is not repeated
		}
		request.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return request, nil
}

// refusal makes an error of an answer that is none.
func (r remote) refusal(got *http.Response, body []byte) error {
	var problem rest.Problem
	if json.Unmarshal(body, &problem) != nil || problem.Type == "" {
		return fmt.Errorf("%s answers %s, but not as a desk does: is it the address that /api lies below?", r.URL, got.Status)
	}
	switch got.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("the desk does not know who is calling: name an admin by --user, or by --header if it has sessions of its own (%s)", problem.Detail)
	case http.StatusForbidden:
		return fmt.Errorf("the desk lets only admins do this: %s", problem.Detail)
	}
	return errors.New(problem.Detail)
}

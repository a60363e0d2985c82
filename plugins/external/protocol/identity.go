package protocol

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// The headers that tell a plugin's routes who is calling.
const (
	ActorHeader     = "X-Hookdesk-Actor"     // base64 of JSON
	TimeHeader      = "X-Hookdesk-Time"      // unix seconds
	SignatureHeader = "X-Hookdesk-Signature" // see Sign
)

// signedFor is how long a signature is good.
const signedFor = time.Minute

// Sign puts the caller into a request to a plugin: the signature is
// hex(HMAC-SHA256(key, method "\n" path and query "\n" actor header "\n" time header)).
func Sign(r *http.Request, key []byte, who core.Actor, now time.Time) error {
	text, err := json.Marshal(who)
	if err != nil {
		return err
	}
	r.Header.Set(ActorHeader, base64.StdEncoding.EncodeToString(text))
	r.Header.Set(TimeHeader, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(SignatureHeader, signature(r, key))
	return nil
}

// Verify reads who is calling, and fails when the desk has not said so lately.
func Verify(r *http.Request, key []byte, now time.Time) (core.Actor, error) {
	var who core.Actor
	if !hmac.Equal([]byte(signature(r, key)), []byte(r.Header.Get(SignatureHeader))) {
		return who, errors.New("the request is not signed by the desk")
	}
	sent, err := strconv.ParseInt(r.Header.Get(TimeHeader), 10, 64)
	if age := now.Sub(time.Unix(sent, 0)); err != nil || age > signedFor || age < -signedFor {
		return who, errors.New("the signature of the request is too old")
	}
	text, err := base64.StdEncoding.DecodeString(r.Header.Get(ActorHeader))
	if err != nil {
		return who, err
	}
	return who, json.Unmarshal(text, &who)
}

func signature(r *http.Request, key []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{r.Method, "\n", r.URL.RequestURI(), "\n", r.Header.Get(ActorHeader), "\n", r.Header.Get(TimeHeader)} {
		mac.Write([]byte(part)) // a hash never fails
	}
	return hex.EncodeToString(mac.Sum(nil))
}

package core

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// secretsOf finds the string fields tagged secret:"true", by their JSON name.
func secretsOf(settings any) map[string]int {
	out := map[string]int{}
	t := reflect.TypeOf(settings)
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("secret") == "true" && f.Type.Kind() == reflect.String {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			out[name] = i
		}
	}
	return out
}

// nestedSecret finds a field that is tagged as a secret and would be kept in clear.
func nestedSecret(t reflect.Type, top bool) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	for f := range t.Fields() {
		if f.Tag.Get("secret") == "true" && (!top || f.Type.Kind() != reflect.String) {
			return f.Name
		}
		if !f.IsExported() {
			continue
		}
		if found := nestedSecret(f.Type, false); found != "" {
			return found
		}
	}
	return ""
}

// forget takes the secrets out of value that are null, and names them.
func forget(proto any, value json.RawMessage) (without json.RawMessage, names []string, err error) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(value, &fields) // what is wrong with it is told by who decodes it
	for name := range secretsOf(proto) {
		if string(fields[name]) == "null" {
			names = append(names, name)
			delete(fields, name)
		}
	}
	if names == nil {
		return value, nil, nil
	}
	without, err = json.Marshal(fields)
	return without, names, err
}

func (s Settings) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.d.config.Secret)
	if err != nil {
		return nil, fmt.Errorf("the Config's Secret: %w", err)
	}
	return cipher.NewGCM(block)
}

func (s Settings) seal(plain string) (string, error) {
	gcm, err := s.cipher()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand
	return base64.StdEncoding.EncodeToString(gcm.Seal(nonce, nonce, []byte(plain), nil)), nil
}

func (s Settings) decrypt(into any) error {
	v := reflect.ValueOf(into).Elem()
	for name, field := range secretsOf(v.Interface()) {
		f := v.Field(field)
		if f.String() == "" {
			continue
		}
		gcm, err := s.cipher()
		if err != nil {
			return err
		}
		sealed, err := base64.StdEncoding.DecodeString(f.String())
		if err != nil || len(sealed) < gcm.NonceSize() {
			return fmt.Errorf("the setting %s is not sealed as it should be", name)
		}
		plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
		if err != nil {
			return fmt.Errorf("the setting %s was sealed with another Secret", name)
		}
		f.SetString(string(plain))
	}
	return nil
}

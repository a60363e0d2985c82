package core

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
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

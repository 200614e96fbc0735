package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// kept is how long keys are kept before they are read again.
	kept = time.Minute
	// unknownEvery is how often a name that no key has may set off a reading: callers write those names.
	unknownEvery = 10 * time.Second
	// believed is how long keys are believed when no newer ones can be read.
	believed = 10 * time.Minute
	// maxKeys is in bytes.
	maxKeys = 1 << 20
)

// Keys are the gate's public keys by name: read anew when it is time, or for a name that is not among them.
type Keys struct {
	source string
	client *http.Client // nil for a file

	lock                 sync.Mutex
	keys                 map[string]*ecdsa.PublicKey
	read, tried, unknown time.Time
}

// NewKeys reads from a URL, or from a file that something else keeps up to date. Nothing is read yet.
func NewKeys(source string) (*Keys, error) {
	if !strings.HasPrefix(source, "http:") && !strings.HasPrefix(source, "https:") {
		return &Keys{source: source}, nil
	}
	at, err := url.Parse(source)
	if err != nil {
		return nil, err
	}
	host := at.Hostname()
	if at.Scheme != "https" && host != "localhost" && host != "127.0.0.1" && host != "::1" {
		// Whoever is on the way could put in keys.
		return nil, errors.New("keys over plain HTTP come from this machine only")
	}
	client := &http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Keys{source: source, client: client}, nil
}

// Get is the key of this name, or nil.
func (k *Keys) Get(name string) *ecdsa.PublicKey {
	k.lock.Lock() // whoever comes meanwhile waits for the same reading
	defer k.lock.Unlock()
	now := time.Now()
	due := now.Sub(k.tried) >= kept
	if due || (k.keys[name] == nil && now.Sub(k.unknown) >= unknownEvery) {
		k.tried = now
		if !due {
			k.unknown = now
		}
		if keys, err := k.fresh(); err == nil {
			k.keys, k.read = keys, now
		} else {
			log.Printf("the keys cannot be read: %v", err)
			if now.Sub(k.read) >= believed {
				k.keys = nil
			}
		}
	}
	return k.keys[name]
}

func (k *Keys) fresh() (map[string]*ecdsa.PublicKey, error) {
	text, err := k.text()
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kid, Kty, Crv, Use, Alg, X, Y string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, key := range set.Keys {
		good := key.Kid != "" && key.Kty == "EC" && key.Crv == "P-256" &&
			(key.Use == "" || key.Use == "sig") && (key.Alg == "" || key.Alg == "ES256")
		x, errX := base64.RawURLEncoding.DecodeString(key.X)
		y, errY := base64.RawURLEncoding.DecodeString(key.Y)
		if !good || errX != nil || errY != nil {
			continue
		}
		curve := elliptic.P256()
		public := &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		if curve.IsOnCurve(public.X, public.Y) {
			keys[key.Kid] = public
		}
	}
	return keys, nil
}

func (k *Keys) text() ([]byte, error) {
	if k.client == nil {
		return os.ReadFile(k.source)
	}
	answer, err := k.client.Get(k.source)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxKeys))
}

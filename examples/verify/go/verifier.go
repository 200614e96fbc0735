package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

const (
	// Header carries the identity. Whoever comes through the gate cannot write it.
	Header = "Doorward-Identity"
	// typ is what no other kind of token has.
	typ = "doorward-identity+jwt"
	// skew is how far the gate's clock may be from ours.
	skew = 5 * time.Second
	// maxLifetime is the longest that an identity holds.
	maxLifetime = 60 * time.Second
	// maxToken is in bytes.
	maxToken = 16 << 10
)

// Caller is who calls: a fact.
type Caller struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"` // the gate writes one, never a list
	Subject  string   `json:"sub"` // with its issuer: corp/alice
	Groups   []string `json:"groups"`
	Scope    string   `json:"scope"`
	IssuedAt *int64   `json:"iat"`
	Expires  *int64   `json:"exp"`
}

// Verifier believes what the gate Issuer says to Audience with one of Keys.
type Verifier struct {
	Keys             *Keys
	Issuer, Audience string
}

// Verify says who calls, by the one value of the header.
func (v *Verifier) Verify(values []string, now time.Time) (*Caller, error) {
	if len(values) != 1 {
		return nil, fmt.Errorf("expected one %s, got %d", Header, len(values))
	}
	parts := strings.Split(values[0], ".")
	if len(values[0]) > maxToken || len(parts) != 3 {
		return nil, errors.New("it is not a token")
	}
	var header struct {
		Alg, Typ, Kid string
		Crit          json.RawMessage
	}
	if err := decode(parts[0], &header); err != nil {
		return nil, err
	}
	// The algorithm is ours to choose, not the token's.
	if header.Alg != "ES256" || header.Typ != typ || header.Crit != nil {
		return nil, errors.New("its header is not one of the gate")
	}
	key := v.Keys.Get(header.Kid)
	if key == nil {
		return nil, errors.New("no key has its name")
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return nil, errors.New("its signature is none of ES256")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return nil, errors.New("its signature is not good")
	}
	var caller Caller
	if err := decode(parts[1], &caller); err != nil {
		return nil, err
	}
	return &caller, v.check(&caller, now)
}

func (v *Verifier) check(caller *Caller, now time.Time) error {
	switch {
	case caller.Issuer != v.Issuer:
		return errors.New("another gate made it")
	case caller.Audience != v.Audience:
		return errors.New("it is for another service")
	case caller.Subject == "":
		return errors.New("it says of nobody who calls")
	case caller.IssuedAt == nil || caller.Expires == nil:
		return errors.New("it does not say until when it holds")
	}
	issued, expires := time.Unix(*caller.IssuedAt, 0), time.Unix(*caller.Expires, 0)
	switch {
	case expires.Sub(issued) > maxLifetime:
		return errors.New("its times are not those of an identity")
	case issued.After(now.Add(skew)):
		return errors.New("it is from the future")
	case !now.Before(expires.Add(skew)):
		return errors.New("it has expired")
	}
	return nil
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

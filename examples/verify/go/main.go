// A service that checks Doorward-Identity by itself, with the standard library alone (Go 1.19 or newer).
//
//	go run . PORT KEYS ISSUER AUDIENCE
//
// KEYS is the gate's JSON Web Key Set: a URL, or a file that something else keeps up to date.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

type callerKey struct{}

// guarded reaches next only with a caller.
func guarded(verifier *Verifier, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not Header.Get, which takes the first of several.
		caller, err := verifier.Verify(r.Header.Values(Header), time.Now())
		if err != nil {
			log.Printf("refused: %v", err) // for the log: callers learn nothing of it
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

func greet(w http.ResponseWriter, r *http.Request) {
	caller := r.Context().Value(callerKey{}).(*Caller)
	fmt.Fprintf(w, "hello %s\n", caller.Subject)
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: verify PORT KEYS ISSUER AUDIENCE")
	}
	keys, err := NewKeys(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	verifier := &Verifier{Keys: keys, Issuer: os.Args[3], Audience: os.Args[4]}
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Args[1],
		Handler:           guarded(verifier, http.HandlerFunc(greet)),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}

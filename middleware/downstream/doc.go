// Package downstream carries the session of a request to the next service: a [Transport] sends it
// along with the requests of an http.Client, signed, and a [Verifier] attaches it in the service
// that gets them. Handlers there read it with sessionctx.FromContext, as behind package middleware.
// docs/downstream.md shows both sides.
//
// What travels is a JSON Web Token (RFC 7519) in the one header [Header]: a compact JWS (RFC 7515,
// section 7.1) of the type session-context+jwt with the claims iss, aud, iat, exp and tenant, and
// with the sessionctx.Snapshot of the session in the claim session_context. It is for one audience
// and for 60 seconds. The package for gRPC is sessionctx/grpcctx.
//
// # Traps
//
//   - The token is signed and not encrypted, and the session id in it may be a secret. Send it over
//     TLS, or over a connection that your own machines protect. TransportConfig.Select sends less.
//   - Whoever has a token can repeat it for 60 seconds at the service that it is for. Nobody counts
//     the uses.
//   - Each of those who share the secret of an HMAC key can sign for all the others. With Ed25519
//     only the sender can.
//   - The header is for your own services. A server that faces the shopper attaches sessions with
//     package middleware, which never reads the header. What a client has sent in it does not go
//     further: a Transport removes the header from every request, and sets its own.
//   - Log neither the header nor the token.
package downstream

import "time"

// Header is the header that carries the token.
const Header = "Session-Context"

const (
	tokenType    = "session-context+jwt" // the typ of tokens: nothing else that a key has signed counts
	sessionClaim = "session_context"

	// lifetime is how long a token counts: long enough for a request that waits in a queue, and too
	// short to collect tokens.
	lifetime = 60 * time.Second

	// maxToken is the size of the largest token in bytes. Together with its name the header fits
	// into the 8 KiB that nginx and Apache allow for one header by default.
	maxToken = 8000
)

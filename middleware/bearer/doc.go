// Package bearer verifies JSON Web Tokens (RFC 7519) and tells package middleware who is asking.
// It verifies tokens and issues none.
//
// A Verifier reads the Authorization header alone (RFC 6750, section 2.1). A token in a query ends
// up in logs and Referer headers (section 5.3), so it counts as not sent.
//
// # Traps
//
//   - An ID token is not an access token, although both come from the same issuer and are signed
//     with the same key. Audience tells them apart, so give each purpose an audience of its own
//     (RFC 8725, section 3.9).
//   - Session ids of tokens are not secrets: they stand in logs and links. A token never opens a
//     session of the anonymous cookie, and the cookie never opens a session of a token.
//   - A verified token is cached, so a key that the issuer withdraws counts for up to 5 minutes
//     more. See Config.CachedTokens.
package bearer

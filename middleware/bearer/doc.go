// Package bearer verifies bearer tokens and tells package middleware who is asking: JSON Web Tokens
// (RFC 7519) by their signature, and opaque tokens by a question to their issuer (RFC 7662). It
// issues none. docs/tokens.md says which Config is for which identity provider.
//
// A Verifier reads the Authorization header alone (RFC 6750, section 2.1). A token in a query ends
// up in logs and Referer headers (section 5.3), so it counts as not sent.
//
// # Traps
//
//   - A token may name a session, or a customer alone. Identify is for the first kind, Customer for
//     the second. A session is never named by the id of its customer.
//   - An ID token is not an access token, although both come from the same issuer and are signed
//     with the same key. Audience tells them apart, so give each purpose an audience of its own
//     (RFC 8725, section 3.9). Where the issuer does not, Config.Type or Config.Check tells them
//     apart.
//   - A client's own token (client credentials) has a subject, too, which is no customer. See
//     Claims and Config.Check.
//   - Session ids of tokens are not secrets: they stand in logs and links. A token never opens a
//     session of the anonymous cookie, and the cookie never opens a session of a token.
//   - A verified token is cached, so a key that the issuer withdraws counts for up to 5 minutes
//     more, and a revoked opaque token for up to 60 seconds. See Config.CachedTokens.
package bearer

// Package jwks finds the keys of tokens in a JSON Web Key Set (RFC 7517) that the issuer publishes
// at a URL: for bearer.Config.Keyfunc.
//
// It has a module of its own, so that a host without key sets links no code for them. Package
// jwkset decodes the keys. The client of jwkset, and that of package keyfunc, which is built on it,
// report an unknown key also when the key server is down. Such a token would be answered 401, and a
// client drops a token after a 401. Here the error is sessionctx.ErrUnavailable, which is answered
// 503.
//
// # What is fetched when
//
//   - The first token waits for the first fetch. New fetches nothing, so a host starts without its
//     issuer. Refresh fetches before the first token comes.
//   - A known key is used at once. When the set is older than Config.MaxAge, it is fetched again in
//     the background.
//   - A token with an unknown key waits for a fetch, because the issuer may have begun to use a new
//     key. Anybody can send such a token, so it causes no fetch within 10 s of the last one: the
//     set is then new enough to say that there is no such key.
//   - While the server is down, the keys stay in use, for 24 h after they were fetched. Tokens with
//     other keys are sessionctx.ErrUnavailable. A failed fetch is not tried again for 1 s, and in
//     the background for 10 s.
//   - All who wait share one fetch.
//
// A key that the issuer withdraws counts until the next fetch, and 5 min longer for a token that
// the Verifier has cached: see bearer.Config.CachedTokens.
package jwks

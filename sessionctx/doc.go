// Package sessionctx resolves who is shopping where: site, currency, country, language, cart and customer of a session.
package sessionctx

// Package tokens issues the tokens of the storefront: an identity provider small enough to read,
// for development and demonstration. A shop has its own; the library verifies tokens, it does not
// issue them.
//
// It answers at the paths and with the names that clients of the service use. An endpoint ignores
// what it does not know.
//
//	GET  /customerlogin/auth/anonymous/login    a new anonymous session, with choices if any are sent
//	GET  /customerlogin/auth/anonymous/refresh  new tokens of the same session
//	POST /customer/{tenant}/login               makes the session a customer's
//	GET  /customer/{tenant}/refreshauthtoken    new tokens of the same session
//	GET  /customer/{tenant}/logout              ends the session, on this device
//	GET  /customer/{tenant}/validateauthtoken   whose a customer's access token is, and for how long
//	POST /oauth/token                           a service's token (RFC 6749, section 4.4)
//
// It also takes the names that older clients use: hybris-tenant for tenant, and anonymous_token for
// refresh_token. An anonymous_token is an access token that has not expired. The customer's answers
// have accessToken, saasToken, refreshToken, expiresIn and refreshTokenExpiresIn beside the names
// with underscores. A service need not name its tenant: then the tenant is the first, in the order
// of names, that has the client.
//
// A session from its beginning to its end:
//
//	curl -sG "$SHOP/customerlogin/auth/anonymous/login" \
//		-d tenant=demoshop -d client_id=storefront -d currency=CHF
//	curl -sG "$SHOP/customerlogin/auth/anonymous/refresh" \
//		-d tenant=demoshop -d client_id=storefront -d "refresh_token=$ANONYMOUS_REFRESH"
//	curl -s "$SHOP/customer/demoshop/login" -H "Authorization: Bearer $ANONYMOUS" \
//		--json '{"email": "anna@demo.example", "password": "correct-horse-1"}'
//	curl -s "$SHOP/customer/demoshop/validateauthtoken" -H "Authorization: Bearer $CUSTOMER"
//	curl -s "$SHOP/customer/demoshop/refreshauthtoken?refreshToken=$CUSTOMER_REFRESH"
//	curl -s "$SHOP/customer/demoshop/logout?accessToken=$CUSTOMER"
//
// And a service that manages sessions:
//
//	curl -s "$SHOP/oauth/token" -d grant_type=client_credentials -d tenant=demoshop \
//		-d client_id=backoffice -d client_secret=service-secret-3
//
// # Traps
//
// Three of the endpoints take a token in the query, because the clients send it there. So a log of
// requests must leave queries out.
//
// Failures are counted for http.Request.RemoteAddr. Behind a proxy all shoppers have the address of
// the proxy, and one guesser would lock all of them out. So the host has to put the shopper's
// address there first, from a header that it believes from its own proxy only.
//
// Nobody can take back a token that was issued. Only its session can be ended, so code that
// verifies an access token must also resolve its session. The end is remembered for
// sessionctx.Config.TombstoneLife, which must not be shorter than [CustomerRefreshLife]; its
// default is as long. A store in memory forgets it when the process ends, while the tokens stay
// valid if the key does.
package tokens

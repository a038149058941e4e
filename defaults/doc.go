// Package defaults decides a shopper's site, currency, country and language from the shop's sites,
// the customer's preferences, the shopper's choices and the hints of a request: pure functions
// without I/O, clock or cache.
//
// Traps of the surrounding software:
//
//   - The data of golang.org/x/text on currencies and regions is not current: judge codes with
//     [codes.Currency] and [codes.Country].
//   - golang.org/x/text/language.Matcher is not used: it takes Malay for Indonesian, Swiss German
//     for German and nynorsk for bokmål, and serves Ukrainian and Japanese readers anything. Here a
//     language matches within itself and one script: en-GB reads en, zh-TW does not read zh, which
//     is simplified.
//   - Data ages: Bulgaria's currency was withdrawn while sites listed it. [NewSites] is strict and
//     for literals; [CompileSites] is for what a running shop reads, and uses what is valid.
//   - Accept-Language belongs to the browser, not to the shopper, and varies by request: a page
//     that depends on it must say Vary: Accept-Language, and a CDN in front either keeps one copy
//     for each of thousands of header values or, ignoring Vary, serves one shopper's language to
//     all. Mark such pages private.
//   - A country header (CF-IPCountry, CloudFront-Viewer-Country, X-Country) is a fact only if a
//     proxy of yours sets it and removes what the client sent under that name; otherwise anybody
//     chooses a country with curl. VPNs and roaming make it wrong for honest shoppers as well. CDNs
//     say XX or T1 for "unknown", which is no country and is passed over.
package defaults

//go:generate go run ./internal/gencodes

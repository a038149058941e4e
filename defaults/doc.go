// Package defaults decides a shopper's site, currency, country and language from the shop's sites,
// the customer's preferences, the shopper's choices and the hints of a request. Its functions are
// pure: they use no I/O, no clock and no cache.
//
// Traps of the surrounding software:
//
//   - The data of golang.org/x/text on currencies and regions is not current. Check codes with
//     [codes.Currency] and [codes.Country].
//   - golang.org/x/text/language.Matcher is not used: it takes Malay for Indonesian, Swiss German
//     for German and nynorsk for bokmål, and gives Russian to readers of Ukrainian. Where nothing
//     matches, it returns the first language. Here a language matches within itself and one script:
//     a reader of en-GB gets en, and a reader of zh-TW does not get zh, which is simplified.
//   - Data becomes out of date: Bulgaria's currency was withdrawn while sites listed it. [NewSites]
//     refuses such a site, and is for sites that are written in the program. [CompileSites] uses
//     what is valid, and is for sites that a running shop reads.
//   - Accept-Language is what the browser sends, not what the shopper chose, and it differs between
//     requests. A page that depends on it must say Vary: Accept-Language. A CDN then keeps one copy
//     for each of thousands of header values. A CDN that ignores Vary serves one shopper's language
//     to all. So mark such pages private.
//   - A country header (CF-IPCountry, CloudFront-Viewer-Country, X-Country) is true only if your
//     own proxy sets it, and removes what the client sent under that name. Otherwise any client
//     chooses its country. VPNs and roaming make the header wrong for honest shoppers as well. For
//     an unknown country CDNs send XX or T1, which is ignored.
package defaults

//go:generate go run ./internal/gencodes

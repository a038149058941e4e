// Package browsertest tries the storefront in a browser. It holds nothing but tests.
//
// They need Chromium, are skipped without it, and fail without it if REQUIRE_SERVERS=1. CHROMIUM
// names the program to use in place of those on the path. With SCREENSHOTS=DIR the tests leave
// pictures of the pages in DIR.
package browsertest

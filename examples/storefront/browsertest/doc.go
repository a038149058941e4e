// Package browsertest tries the storefront in a browser. It holds nothing but tests.
//
// They need Chromium, are skipped without it, and fail without it if REQUIRE_SERVERS=1. CHROMIUM
// names another program than those on the path. With SCREENSHOTS=DIR pictures of the pages are left
// in DIR.
package browsertest

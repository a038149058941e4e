// Package pagecache runs a shop behind nginx and Varnish, with the very recipes of
// docs/page-caches.md. Visitors choose, log in and log out, attackers forge variants, and each page
// is compared with what the shop itself would have answered.
package pagecache

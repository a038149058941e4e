// Package pagecache runs a shop behind the page caches of docs/page-caches.md, nginx and Varnish,
// with the very recipes of that page. Visitors choose, log in and log out, attackers forge variants,
// and each page is compared with what the shop itself would have answered.
package pagecache

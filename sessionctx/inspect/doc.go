// Package inspect is a page for the operators of a shop: why a request resolves as it does, how the
// near-cache, its lease, the store and the directory were over the last ten minutes, the last
// conflicts between writers, and the mistakes in the data of sites. The same is served as JSON.
//
// Nothing serves the page by itself. A host mounts the Inspector, under a path of its own or on a
// listener of its own, and says who may see it:
//
//	mux.Handle("/inspect", inspector)
//
// The answers depend on the query alone, never on the path, so the handler works below any prefix.
//
//   - GET shows the page, and explains the request of the operator's own browser (Config.Request).
//   - POST, the form of the page, explains what the form describes. Ids of sessions and customers
//     come by POST alone, so that no log of URLs has them.
//   - With ?format=json, or where Accept asks for application/json and not for HTML, the answer is
//     JSON. docs/inspect.md has its members.
//
// # What is never shown
//
// No session id, customer id, cart id or attribute, and no text of an error: a host's Directory may
// put anything into it. A value of a customer's profile is shown only if it has the form of a code.
// Nothing is logged, and nothing is written to the store.
//
// # Cost
//
// An Inspector reads [sessionctx.Resolver.Stats] every five seconds into a ring of fixed size, and
// does nothing else until somebody looks. It sets no hook in the Resolver, so a request costs what
// it costs without one: see BenchmarkResolveWarm. A page asks the store up to three times: by
// Resolver.Check, and for what the near-cache does not have of the session and its customer. It
// asks more often only while these change.
//
// # Traps of surrounding software
//
//   - A page on a loopback address is within reach of every web page that the operator's browser
//     visits, by DNS rebinding. Let Authorize check the Host header, or ask for a login.
//   - A reverse proxy that forwards every path makes a page public that was meant for a machine
//     alone. Mount the page on a listener of its own, or let Authorize ask for a login.
package inspect

// Package otelctx reports what a [sessionctx.Resolver] does to OpenTelemetry: durations and spans
// by [sessionctx.Config.Observe], counters and gauges by [sessionctx.Resolver.Stats].
//
// It uses the API of OpenTelemetry alone. The host passes its providers; the global ones are never
// used. OpenTelemetry has no conventions for caches or sessions of this kind, so the names are this
// library's own and begin with session_context. Spans of a client of a database, Redis for example,
// are for the client's own instrumentation: they become children of the spans of this package.
//
// # Metrics
//
// Histograms, in seconds, with the attribute error.type where the call failed:
//
//   - session_context.resolve.duration: a Resolve or Attach that the near-cache could not answer as
//     it was. Attributes session_context.cache.result (miss; hit only with Config.Warm), and,
//     without an error, session_context.resolve.result (complete, degraded or profile_missing).
//   - session_context.store.operation.duration: a call of the Store. Attribute
//     session_context.operation.name (load or save).
//   - session_context.directory.operation.duration: a call of the Directory. Attribute
//     session_context.operation.name (sites or customer).
//
// What Telemetry.Register adds are the fields of [sessionctx.Stats], read when metrics are
// collected. They cost requests nothing. The table of docs/operating.md says what each one means.
//
// error.type is one of not_found, conflict, unknown_tenant, unknown_outcome, full, closed, timeout,
// canceled, unavailable, and _OTHER.
//
// # Spans
//
// session_context.resolve with its children session_context.store.load,
// session_context.directory.sites and session_context.directory.customer, and
// session_context.store.save. A call that serves several requests at once is a child of the one
// that came first. A refresh in the background has no parent.
//
// A warm Resolve has no span by default. It is a lookup in memory that takes less time than a span,
// it never waits, and each page view has one: such spans cost more than what they describe and hide
// the others. The counter session_context.cache.lookups has them all.
//
// # What is never reported
//
// No session id, customer id, cart or attribute, and no text of an error: a host's Directory may
// put anything into it. A tenant is on a metric only if Config.Tenants names it, since a client may
// write what it likes where a tenant is expected.
package otelctx

// Package directory caches the answers of a source that is slow and unreliable, such as a service
// that knows the sites of a shop. It knows no rules of sessions.
//
// No caller waits for an answer that is known, except after an Invalidate. Only the first question
// about a key has callers that wait, at most for Config.Timeout. An answer past its age is served
// while one question runs in the background, for at most 24 hours after the source last confirmed
// it. After an Invalidate callers wait at most 100 ms for the new answer, and not at all if the
// last refresh of any key has failed.
//
// # Order
//
// Every question, Invalidate and Refresh draws a number from one counter. A question draws its
// number before it asks. That gives all rules of order:
//
//   - The answer of a question is installed if no question with a higher number has answered
//     before.
//   - An answer is fresh if the number of its question is higher than that of the last Invalidate
//     of the key and of its group. Otherwise the next question is due at once.
//   - A Refresh waits for a question with a higher number than its own.
//
// # Identity
//
// The pointer to an Answer is its identity: there is at most one Answer of a key that is not
// superseded. A Cache with Config.MaxBytes, the bounded form, keeps this rule, too. Package
// boundedcache decides which answers stay in memory, but the table of keys has a weak pointer to
// each answer. So an answer that was evicted, and that a caller still holds, is still known: the
// table finds it, an Invalidate reaches it, and nobody asks for it again.
package directory

// Package linear checks that sessionctx is linearizable: it runs many short concurrent histories
// against a Resolver and asks porcupine whether a sequential shop could have given the same
// answers.
//
// The specification is the type state and its method step. It is strict with three stated
// exceptions:
//
//   - Between a change in the directory and the return of its Refresh, the old and the new answer
//     are both in force.
//   - A session that Update, Login or Logout returns shows the record as it was at one moment, and
//     of the directory any version between the last one refreshed before the call and the last one
//     changed before the return.
//   - A login (or an update that assigns a record to its customer) that overlaps an EndAll may keep
//     the generation of any moment between its call and its effect, so that the session may have
//     ended when the call returns. That is the safe failure.
package linear

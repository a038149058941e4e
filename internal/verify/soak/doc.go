// Package soak lets everything happen at once, for long: shoppers log in and out, end all of their
// sessions, write, leave and come back late, over a Redis that is flushed and whose connections are
// killed, over a bolt file and over a memstore, while the directory changes and Resolvers come and
// go. What must never be is checked all the time: a foreign answer, a session that lives after its
// logout, a version that goes back in one Resolver. What the process takes is measured, and must
// not grow. Its sources are tests alone.
package soak

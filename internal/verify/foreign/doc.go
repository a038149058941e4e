// Package foreign looks for answers that belong to somebody else. Package mutants runs it on a product whose hashes are made to
// collide. Its sources are tests alone.
package foreign

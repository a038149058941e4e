// Package histories asks of real stores what package linear asks of memstore: that concurrent histories over a
// Redis, and over a bolt file, are linearizable. Its sources are tests alone; it is apart from linear because that is built anew
// for each mutant, without the weight of these stores.
package histories

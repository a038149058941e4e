// Package codes knows the currencies and countries that are current.
//
// Traps of the surrounding software:
//
//   - golang.org/x/text/currency carries the data of 2017: it refuses MRU, SLE, VES, VED, XCG and
//     ZWG, and takes DEM and HRK for current.
//   - golang.org/x/text/language.ParseRegion takes EU, UK, DD and 001.
//
// [Currency] and [Country] read a table that is generated from current data.
package codes

// Package codes knows the currencies and countries that are current, and spells languages.
//
// Traps of the surrounding software:
//
//   - golang.org/x/text/currency has the data of 2017. It refuses MRU, SLE, VES, VED, XCG and ZWG,
//     and accepts DEM and HRK as current.
//   - golang.org/x/text/language.ParseRegion accepts EU, UK, DD and 001, which are no countries.
//
// [Currency] and [Country] read a table that is generated from current data. [Language] knows the
// languages that golang.org/x/text knows.
package codes

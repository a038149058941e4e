// Package display says to people, in their language, what the codes of a shop mean: countries,
// currencies and languages by name, the options of a picker, and prices.
//
// The names and patterns are those of Unicode CLDR 48. About 100 languages have all names, with
// their regional forms; some 60 more, such as Maltese and Luxembourgish, have their own patterns
// and own name, and many names. A regional form takes the names of its language, except where CLDR
// has names for that form, along CLDR's chain of parents (es-AR, es-419, es). A code that has no
// name in a language has its English name. For a language that CLDR does not cover everything is in
// English, and [Language.Tag] says so.
//
// The data are 1 MB in the program. A language is unpacked when it is first asked for, and takes
// 0.2 MB from then on.
//
// Traps of the surrounding software:
//
//   - golang.org/x/text/language/display and currency have the data of CLDR 32, from 2017. They do
//     not know North Macedonia, Eswatini and the currencies SLE and XCG, and format no price.
//   - A name in another script than the text around it moves that text's punctuation: see
//     [Isolate].
//   - CLDR's names of languages begin with a small letter where the language writes them so:
//     français. A list of options may show them with CSS ::first-letter or as they are.
package display

// Package sitefile serves the sites, customers and clients of any number of tenants from JSON
// files.
//
// The root is a folder, or an fs.FS, with one folder for each tenant:
//
//	demoshop/sites.json       required: an array of sites, as a site settings service exports them
//	demoshop/customers.json   an array of customers; without the file there are none
//	demoshop/clients.json     an array of clients that may ask for tokens; without the file there are none
//
// [Files] is a directory of package sessionctx and one that can be watched: what is changed in a
// folder is in force within 5 seconds. For a token issuer it also answers who may log in.
//
// # What is read
//
// Members that are not listed are ignored, and a member that is null counts as absent.
//
//	site       code, name, active (absent: true), default (absent: false), currency, availableCurrencies,
//	           homeBase.address.country, shipToCountries, defaultLanguage, languages,
//	           extraCurrencies ({"TMN": 0}: codes besides ISO 4217, with their decimals)
//	customer   id, contactEmail, passwordHash, preferredSite, preferredCurrency, preferredLanguage,
//	           addresses[].country, addresses[].tags, addresses[].isDefault
//	client     clientId, public (absent: false), secretHash, scopes
//
// # What is a mistake
//
// Each of these is a [*Mistake], and all of them are reported at once:
//
//   - a folder whose name is no tenant (see [defaults.ValidTenant]); plain files beside the
//     folders, names with a dot in front and lost+found are ignored, symbolic links are followed;
//   - a root without any folder, a folder without sites.json, a file that cannot be read or is no
//     regular file;
//   - what is not JSON, or not UTF-8; a name that an object has twice, wherever it is (a byte order
//     mark is accepted);
//   - a member of the wrong type, null within an array;
//   - sites that [defaults.NewSites] refuses, except for well-formed codes that are not current
//     (see below);
//   - a customer without id or contactEmail, or with one that another has; e-mail addresses are
//     compared without regard to case and to spaces around them;
//   - a client without clientId, or with one that another has; one that is neither public nor has a
//     secretHash; a scope that is none (RFC 6749, section 3.3);
//   - a passwordHash or secretHash that does not have the shape of a bcrypt hash.
//
// No mistake is a preference of a customer that cannot be used, such as a preferred site that does
// not exist or a country written as a name: it is rejected, with its reason, when a session is
// resolved. A customer without passwordHash is none either: nobody can log in with a password
// there.
//
// # Codes that are not current
//
// A currency is withdrawn and a country renamed while the file stays the same, and a server must
// start all the same. So a site with a well-formed code that is not current refuses no file: it is
// used as [defaults.CompileSites] says, without that code. [Files.Warnings] and one log record for
// each version name every such value. A file that has another mistake is refused with these among
// the mistakes, so that one correction serves for all.
//
// # Changes
//
// A tenant's files are taken over together or not at all: while one is broken, the former version
// of all three stays in force. [Files.Err] and one log record for each broken version say so. A
// file that is written in place is broken for a moment, and an editor may move the old file away
// before it writes the new one; so mistakes are reported, and missing files are believed, only when
// two looks in a row, a second apart, see the same. Nevertheless write a new file beside the old
// one and rename it: a change of two files that belong together is best made by exchanging the
// folder, or a symbolic link to it, as mounted ConfigMaps do.
//
// Files are compared by size, time and identity every second, and by content every third second: a
// change that leaves the times alone (cp -p, rsync, a file system with coarse clocks) is seen too.
//
// A root that cannot be read, or is suddenly empty, takes nothing away: that is how a volume looks
// that is not mounted. The last tenant can therefore not be removed while the process runs.
//
// The files hold e-mail addresses and password hashes: keep them out of reach of others, and out of
// the folder of static files that a web server serves.
package sitefile

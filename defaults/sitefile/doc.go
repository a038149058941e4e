// Package sitefile serves the sites, customers and clients of any number of tenants from JSON
// files.
//
// The root is a folder, or an fs.FS, with one folder for each tenant:
//
//	demoshop/sites.json       required: an array of sites, as a site settings service exports them
//	demoshop/customers.json   an array of customers; without the file there are none
//	demoshop/clients.json     an array of clients that may ask for tokens; none without the file
//
// [Files] is a sessionctx.Directory that can be watched: a change in a folder is in force within 5
// seconds. A token issuer also asks it who may log in.
//
// # What is read
//
// Members that are not listed are ignored, and a member that is null counts as absent.
//
//	site       code, name, active (absent: true), default (absent: false), currency,
//	           availableCurrencies, homeBase.address.country, shipToCountries,
//	           defaultLanguage, languages,
//	           extraCurrencies ({"TMN": 0}: codes besides ISO 4217, with their decimals)
//	customer   id, contactEmail, passwordHash, preferredSite, preferredCurrency, preferredLanguage,
//	           addresses[].country, addresses[].tags, addresses[].isDefault
//	client     clientId, public (absent: false), secretHash, scopes
//
// # What is a mistake
//
// Each of these is a [*Mistake], and all of them are reported at once:
//
//   - a folder whose name is no tenant (^[a-z][a-z0-9]+$, 3 to 16 characters). Plain files beside
//     the folders, names that begin with a dot, and lost+found are ignored. Symbolic links are
//     followed;
//   - a root without any folder, a folder without sites.json, a file that cannot be read or is no
//     regular file;
//   - a file that is not JSON or not UTF-8 (a byte order mark is accepted), and an object at any
//     depth that has a name twice;
//   - a member of the wrong type, and null within an array;
//   - sites that [defaults.NewSites] refuses, except for well-formed codes that are not current
//     (see below);
//   - a customer without id or contactEmail, or with one that another has; e-mail addresses are
//     compared without regard to case and to spaces around them;
//   - a client without clientId, or with one that another has; one that is neither public nor has a
//     secretHash; a scope that is none (RFC 6749, section 3.3);
//   - a passwordHash or secretHash that does not have the shape of a bcrypt hash.
//
// A preference of a customer that cannot be used is not a mistake: for example a preferred site
// that does not exist, or a country written as a name. It is rejected, with its reason, when a
// session is resolved. A customer without passwordHash is not a mistake either: nobody can log in
// as that customer with a password.
//
// # Codes that are not current
//
// A currency may be withdrawn, or a country renamed, while the file stays the same. The server must
// start nevertheless. So a file with a well-formed code that is not current is not refused. The
// site is used without that code, as [defaults.CompileSites] says. The exception is a default site
// that cannot be used without the code: then the file is refused. [Files.Warnings] and one log
// record for each version name every such value. If the file is refused because of another mistake,
// its error names these values, too, so that one correction is enough.
//
// # Changes
//
// The three files of a tenant change together or not at all: while one has a mistake, the earlier
// version of all three stays in force. [Files.Err] and one log record for each such version say so.
// A file that is written in place is incomplete for a moment, and an editor may move the old file
// away before it writes the new one. So a mistake or a missing file counts only when two checks in
// a row, a second apart, find the same. Nevertheless write a new file beside the old one and rename
// it. If two files must change together, replace the folder, or a symbolic link to it, as mounted
// ConfigMaps do.
//
// Files are compared by size, time and identity every second, and by content every third second: a
// change that leaves the times alone (cp -p, rsync, a file system with coarse clocks) is seen too.
//
// If the root cannot be read or is suddenly empty, all tenants stay: a volume that is not mounted
// looks like that. So the last tenant cannot be removed while the process runs.
//
// The files contain e-mail addresses and password hashes. Let nobody else read them, and keep them
// out of the folder of static files that a web server serves.
package sitefile

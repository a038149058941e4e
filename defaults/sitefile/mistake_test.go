package sitefile_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
)

// mistakes takes an error apart; every part must be a *Mistake.
func mistakes(t *testing.T, err error) []*sitefile.Mistake {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "not joined: %v", err)
	var all []*sitefile.Mistake
	for _, e := range joined.Unwrap() {
		var m *sitefile.Mistake
		require.ErrorAs(t, e, &m)
		all = append(all, m)
	}
	return all
}

// unmark takes every ¦ out of data and says in which lines and columns they were.
func unmark(data string) (string, [][2]int) {
	var places [][2]int
	parts := strings.Split(data, "¦")
	clean := ""
	for i, part := range parts {
		clean += part
		if i < len(parts)-1 {
			places = append(places, [2]int{1 + strings.Count(clean, "\n"), len(clean) - strings.LastIndex(clean, "\n")})
		}
	}
	return clean, places
}

// brief is a mistake in short: file, what record, what member, what value.
func brief(m *sitefile.Mistake) string {
	s := m.File
	if m.Record >= 0 {
		s += fmt.Sprintf(" #%d", m.Record)
	}
	if m.ID != "" {
		s += "=" + m.ID
	}
	if m.Field != "" {
		s += " " + m.Field
	}
	if m.Value != "" {
		s += fmt.Sprintf(" %q", m.Value)
	}
	return s
}

func TestFromFS_NamesEveryMistakeWithItsPlace(t *testing.T) {
	const (
		sites     = "demoshop/sites.json"
		customers = "demoshop/customers.json"
		clients   = "demoshop/clients.json"
	)
	site := func(members string) string {
		return `[{"code": "main", "default": true, "currency": "EUR", "defaultLanguage": "de", "homeBase": {"address": {"country": "DE"}}` + members + `}]`
	}
	customer := func(members string) string {
		return `[{"id": "C1", "contactEmail": "a@b.example"` + members + `}]`
	}
	for _, tc := range []struct {
		desc, file, data string
		// data has a ¦ where each mistake stands.
		want []string // as brief says
		rule string   // part of the first one's
	}{
		// The file as a whole.
		{"missing sites", sites, "", []string{"demoshop/sites.json"}, "must exist"},
		{"not JSON", sites, "[\n  {\"code\": ¦x}\n]", []string{"demoshop/sites.json"}, "must be JSON"},
		{"not JSON in customers", customers, "[{},\n\n  ¦]", []string{"demoshop/customers.json"}, "must be JSON"},
		{"two documents", clients, "[] ¦[]", []string{"demoshop/clients.json"}, "must be JSON"},
		{"not UTF-8", customers, "[\n\"¦\xff\"]", []string{"demoshop/customers.json"}, "must be UTF-8"},
		{"sites no array", sites, `¦{"code": "main"}`, []string{"demoshop/sites.json"}, "must be an array of objects, is an object"},
		{"customers null", customers, `¦null`, []string{"demoshop/customers.json"}, "must be an array of objects, is null"},
		{"clients a string", clients, `¦"web"`, []string{"demoshop/clients.json"}, "must be an array of objects, is a string"},
		{"a byte order mark counts as three columns", clients, "\ufeff¦7", []string{"demoshop/clients.json"}, "must be an array of objects, is a number"},
		{"record no object", customers, `[{"id": "C1", "contactEmail": "a@b.example"}, ¦"C2", ¦null]`,
			[]string{"demoshop/customers.json #1", "demoshop/customers.json #2"}, "must be an object, is a string"},
		{"site no object", sites, `[¦7]`, []string{`demoshop/sites.json #0 "7"`}, "must be an object, is a number"},

		// Names that are there twice.
		{"name twice", sites, site(`, ¦"currency": "USD"`), []string{"demoshop/sites.json #0=main currency"}, "must be named once"},
		{"name twice, escaped", customers, customer(`, ¦"\u0069d": "C2"`), []string{"demoshop/customers.json #0=C1 id"}, "must be named once"},
		{"name twice, deep in a member that is ignored", customers, customer(`, "mixins": [{"a": {"b": 1, ¦"b": 1}}]`),
			[]string{"demoshop/customers.json #0=C1 mixins[0].a.b"}, "must be named once"},
		{"name twice, thrice", clients, `[{"clientId": "web", "public": true, ¦"public": true, ¦"public": true}]`,
			[]string{"demoshop/clients.json #0=web public", "demoshop/clients.json #0=web public"}, "must be named once"},
		{"name twice outside of a record", clients, `¦{"a": 1, ¦"a": 2}`, []string{"demoshop/clients.json", "demoshop/clients.json a"}, "must be an array"},

		// Wrong types.
		{"code a number", sites, strings.Replace(site(""), `"main"`, `¦7`, 1), []string{`demoshop/sites.json #0 code "7"`}, "must be a string, is a number"},
		{"active a string", sites, site(`, "active": ¦"false"`), []string{`demoshop/sites.json #0=main active "false"`}, "must be a boolean, is a string"},
		{"default a number", sites, strings.Replace(site(""), `true`, `¦1`, 1), []string{`demoshop/sites.json #0=main default "1"`}, "must be a boolean, is a number"},
		{"languages a string", sites, site(`, "languages": ¦"de"`), []string{`demoshop/sites.json #0=main languages "de"`}, "must be an array, is a string"},
		{"currency within the list a number", sites, site(`, "availableCurrencies": ["EUR", ¦978, ¦null]`),
			[]string{`demoshop/sites.json #0=main availableCurrencies[1] "978"`, `demoshop/sites.json #0=main availableCurrencies[2] "null"`}, "must be a string, is a number"},
		{"home base an array", sites, strings.Replace(site(""), `{"address": {"country": "DE"}}`, `¦[]`, 1), []string{"demoshop/sites.json #0=main homeBase"}, "must be an object, is an array"},
		{"address a string", sites, strings.Replace(site(""), `{"country": "DE"}`, `¦"DE"`, 1), []string{`demoshop/sites.json #0=main homeBase.address "DE"`}, "must be an object"},
		{"preferences of other types", customers, customer(`, "preferredSite": ¦1, "preferredCurrency": ¦[], "preferredLanguage": ¦true`),
			[]string{"demoshop/customers.json #0=C1 preferredSite", "demoshop/customers.json #0=C1 preferredCurrency", "demoshop/customers.json #0=C1 preferredLanguage"}, "must be a string, is a number"},
		{"addresses of other types", customers, customer(`, "addresses": [{"country": ¦1, "tags": ¦"SHIPPING", "isDefault": ¦"x"}, ¦"AT", {"tags": [¦1]}]`),
			[]string{"demoshop/customers.json #0=C1 addresses[0].country", "demoshop/customers.json #0=C1 addresses[0].tags",
				"demoshop/customers.json #0=C1 addresses[0].isDefault", "demoshop/customers.json #0=C1 addresses[1]", "demoshop/customers.json #0=C1 addresses[2].tags[0]"}, "must be a string"},
		{"addresses an object", customers, customer(`, "addresses": ¦{}`), []string{"demoshop/customers.json #0=C1 addresses"}, "must be an array, is an object"},
		{"public a string", clients, `[{"clientId": "web", "public": ¦"true"}]`, []string{"demoshop/clients.json #0=web public"}, "must be a boolean, is a string"},
		{"scopes a string", clients, `[{"clientId": "web", "public": true, "scopes": ¦"a b"}]`, []string{"demoshop/clients.json #0=web scopes"}, "must be an array, is a string"},

		// Sites that cannot be used.
		{"no site", sites, `¦[]`, []string{"demoshop/sites.json"}, ""},
		{"no code", sites, strings.Replace(site(""), `{"code": "main", `, `¦{`, 1), []string{"demoshop/sites.json #0 code"}, ""},
		{"no country", sites, strings.Replace(strings.Replace(site(""), `"country": "DE"`, ``, 1), `{`, `¦{`, 1), []string{"demoshop/sites.json #0=main homeBase.address.country"}, ""},
		{"no home base", sites, strings.Replace(strings.Replace(site(""), `"homeBase"`, `"base"`, 1), `{`, `¦{`, 1), []string{"demoshop/sites.json #0=main homeBase.address.country"}, ""},
		{"no currency, no language", sites, `[¦¦{"code": "main", "default": true, "homeBase": {"address": {"country": "DE"}}}]`,
			[]string{"demoshop/sites.json #0=main currency", "demoshop/sites.json #0=main defaultLanguage"}, ""},
		{"currency that is no code", sites, strings.Replace(sitesIn("Euro"), `"Euro"`, `¦"Euro"`, 1), []string{`demoshop/sites.json #0=main currency "Euro"`}, ""},
		{"country withdrawn, and no other", sites, strings.Replace(site(""), `"DE"`, `¦"YU"`, 1), []string{`demoshop/sites.json #0=main homeBase.address.country "YU"`}, ""},
		{"with another mistake a code that is not current is one too", sites, site(`, "availableCurrencies": [¦"BGN", ¦"Euro"]`),
			[]string{`demoshop/sites.json #0=main availableCurrencies[0] "BGN"`, `demoshop/sites.json #0=main availableCurrencies[1] "Euro"`}, ""},
		{"unusable values in lists", sites, site(`, "availableCurrencies": ["EUR", ¦"EURO"], "shipToCountries": [¦"Germany"], "languages": ["de", ¦"!"]`),
			[]string{`demoshop/sites.json #0=main availableCurrencies[1] "EURO"`, `demoshop/sites.json #0=main shipToCountries[0] "Germany"`, `demoshop/sites.json #0=main languages[1] "!"`}, ""},
		{"extra currencies that are none", sites, site(`, "extraCurrencies": {"TMN": 0, "JEP": ¦"2", "EUR": ¦3, "POINTS": ¦0, "PTS": ¦19, "MIL": ¦1.5, "x@y": ¦0, "NIL": null}`),
			[]string{`demoshop/sites.json #0=main extraCurrencies.JEP "2"`, `demoshop/sites.json #0=main extraCurrencies.EUR "3"`, `demoshop/sites.json #0=main extraCurrencies.POINTS "0"`,
				`demoshop/sites.json #0=main extraCurrencies.PTS "19"`, `demoshop/sites.json #0=main extraCurrencies.MIL "1.5"`, `demoshop/sites.json #0=main extraCurrencies.… "0"`}, ""},
		{"extra currencies in a list", sites, site(`, "extraCurrencies": ¦["TMN"]`), []string{`demoshop/sites.json #0=main extraCurrencies`}, "must be an object, is an array"},
		{"no default site", sites, "¦" + strings.Replace(site(""), `true`, `false`, 1), []string{"demoshop/sites.json default"}, ""},
		{"default site inactive", sites, strings.Replace(site(`, "active": false`), `true`, `¦true`, 1), []string{`demoshop/sites.json #0=main default "true"`}, ""},
		{"two sites of a code, two defaults", sites, strings.Replace(site(""), `]`, `,`, 1) + strings.NewReplacer(`[`, ``, `"main"`, `¦"main"`, `true`, `¦true`).Replace(site("")),
			[]string{`demoshop/sites.json #1=main code "main"`, `demoshop/sites.json #1=main default "true"`}, ""},
		{"what follows from a mistake is none of its own", sites, `[{"code": "main", "active": ¦1, "default": ¦"yes", "currency": ¦5, "defaultLanguage": ¦6, "homeBase": ¦7}, ¦8]`,
			[]string{`demoshop/sites.json #0=main active "1"`, `demoshop/sites.json #0=main default "yes"`, `demoshop/sites.json #0=main currency "5"`,
				`demoshop/sites.json #0=main defaultLanguage "6"`, `demoshop/sites.json #0=main homeBase "7"`, `demoshop/sites.json #1 "8"`}, ""},

		// Customers.
		{"no id, no e-mail address", customers, `[¦¦{"customerNumber": "C1"}]`, []string{"demoshop/customers.json #0 id", "demoshop/customers.json #0 contactEmail"}, "must be given"},
		{"id null, e-mail address blank", customers, `[¦{"id": null, "contactEmail": ¦" "}]`, []string{"demoshop/customers.json #0 id", "demoshop/customers.json #0 contactEmail"}, "must be given"},
		{"id twice", customers, `[{"id": "C1", "contactEmail": "a@b.example"}, {"id": ¦"C1", "contactEmail": "c@d.example"}]`, []string{"demoshop/customers.json #1=C1 id"}, "must be unique, record 0 has it too"},
		{"e-mail address twice, in another case", customers, `[{"id": "C1", "contactEmail": "a@b.example"}, {"id": "C2", "contactEmail": ¦" A@B.Example"}]`,
			[]string{"demoshop/customers.json #1=C2 contactEmail"}, "must be unique, record 0 has it too"},
		{"password in clear text", customers, customer(`, "passwordHash": ¦"correct-horse-1"`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a bcrypt hash"},
		{"password hash empty", customers, customer(`, "passwordHash": ¦""`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a bcrypt hash"},
		{"password hash a number", customers, customer(`, "passwordHash": ¦12`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a string, is a number"},
		{"password hash cut", customers, customer(`, "passwordHash": ¦"` + hash[:59] + `"`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a bcrypt hash"},
		{"password hash with a line end", customers, customer(`, "passwordHash": ¦"` + hash + `\n"`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a bcrypt hash"},
		{"password hash of cost 3", customers, customer(`, "passwordHash": ¦"` + strings.Replace(hash, "$10$", "$03$", 1) + `"`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a bcrypt hash"},
		{"password hash of cost 32", customers, customer(`, "passwordHash": ¦"` + strings.Replace(hash, "$10$", "$32$", 1) + `"`), []string{"demoshop/customers.json #0=C1 passwordHash"}, "must be a bcrypt hash"},

		// Clients.
		{"no client id", clients, `[¦{"public": true}]`, []string{"demoshop/clients.json #0 clientId"}, "must be given"},
		{"client id twice", clients, `[{"clientId": "web", "public": true}, {"clientId": ¦"web", "public": true}]`, []string{"demoshop/clients.json #1=web clientId"}, "must be unique, record 0 has it too"},
		{"confidential without hash", clients, `[¦{"clientId": "back"}, ¦{"clientId": "office", "public": false, "secretHash": null}]`,
			[]string{"demoshop/clients.json #0=back secretHash", "demoshop/clients.json #1=office secretHash"}, "must be given, since the client is not public"},
		{"secret in clear text", clients, `[{"clientId": "back", "secretHash": ¦"service-secret-3"}]`, []string{"demoshop/clients.json #0=back secretHash"}, "must be a bcrypt hash"},
		{"hash of a public client that is none", clients, `[{"clientId": "back", "public": true, "secretHash": ¦"x"}]`, []string{"demoshop/clients.json #0=back secretHash"}, "must be a bcrypt hash"},
		{"scopes that are none", clients, `[{"clientId": "web", "public": true, "scopes": [¦"a b", ¦"", "ok", ¦1]}]`,
			[]string{"demoshop/clients.json #0=web scopes[0]", "demoshop/clients.json #0=web scopes[1]", "demoshop/clients.json #0=web scopes[3]"}, "must be a scope"},

		// Folders.
		{"folder in upper case", "Demo/sites.json", sitesIn("EUR"), []string{`Demo "Demo"`}, "must be named as a tenant"},
		{"folder with a hyphen", "my-shop/readme.txt", "x", []string{`my-shop "my-shop"`}, "must be named as a tenant"},
		{"folder with a short name", "ab/sites.json", sitesIn("EUR"), []string{`ab "ab"`}, "must be named as a tenant"},
		{"folder without sites", "other/clients.json", goodClients, []string{"other/sites.json"}, "must exist"},
		{"folder where a file should be", "demoshop/sites.json/x", "x", []string{"demoshop/sites.json"}, "must be readable: not a regular file"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			data, places := unmark(tc.data)
			fsys := shop(map[string]string{tc.file: data})
			if strings.HasSuffix(tc.file, "/x") {
				delete(fsys, strings.TrimSuffix(tc.file, "/x"))
			}
			f, err := sitefile.FromFS(fsys)
			assert.Nil(t, f)
			var got []string
			var at [][2]int
			for _, m := range mistakes(t, err) {
				got = append(got, brief(m))
				if m.Line > 0 {
					at = append(at, [2]int{m.Line, m.Column})
				}
				assert.NotEmpty(t, m.Rule)
				assert.Truef(t, strings.HasPrefix(m.Error(), "sitefile: "+m.File), "%v", m)
			}
			assert.Equal(t, tc.want, got, "%v", err)
			assert.Equal(t, places, at, "%v", err)
			if len(got) > 0 {
				assert.Contains(t, mistakes(t, err)[0].Rule, tc.rule)
			}
		})
	}
}

func TestFromFS_ReportsAllFilesAndTenantsAtOnce(t *testing.T) {
	_, err := sitefile.FromFS(shop(map[string]string{
		"Shop/sites.json":         sitesIn("EUR"),
		"demoshop/sites.json":     sitesIn("Mark"),
		"demoshop/customers.json": `[{}]`,
		"demoshop/clients.json":   `[`,
		"othershop/sites.json":    sitesIn("X"),
		"third/customers.json":    `7`,
	}))
	var files []string
	for _, m := range mistakes(t, err) {
		files = append(files, m.File+" "+m.Field)
	}
	assert.Equal(t, []string{"Shop ", "demoshop/sites.json currency", "demoshop/customers.json id", "demoshop/customers.json contactEmail",
		"demoshop/clients.json ", "othershop/sites.json currency", "third/sites.json ", "third/customers.json "}, files)
}

func TestMistake_NamesFileRecordMemberValueAndRule(t *testing.T) {
	_, err := sitefile.FromFS(shop(map[string]string{"demoshop/sites.json": strings.Replace(sitesIn("EUR"), `"de"`, `5`, 1)}))
	assert.EqualError(t, err, `sitefile: demoshop/sites.json:1:74: record 0 "main": defaultLanguage "5": must be a string, is a number`)
	_, err = sitefile.FromFS(shop(map[string]string{"demoshop/sites.json": "", "demoshop/customers.json": `[{"id": "C1"}]`}))
	assert.EqualError(t, err, "sitefile: demoshop/sites.json: must exist\n"+`sitefile: demoshop/customers.json:1:2: record 0 "C1": contactEmail: must be given`)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFromFS_RootWithoutFoldersIsAMistake(t *testing.T) {
	_, err := sitefile.FromFS(fstest.MapFS{"sites.json": {Data: []byte(sitesIn("EUR"))}, ".git/config": {}})
	assert.EqualError(t, err, "sitefile: .: must have a folder for each tenant, has none")

	missing := folder(t.TempDir()).path("none")
	f, err := sitefile.Open(missing, sitefile.Config{})
	assert.Nil(t, f)
	require.Len(t, mistakes(t, err), 1)
	assert.Equal(t, missing, mistakes(t, err)[0].File)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFromFS_EmptyFileIsNotJSON(t *testing.T) {
	fsys := shop(nil)
	fsys["demoshop/clients.json"] = &fstest.MapFile{}
	_, err := sitefile.FromFS(fsys)
	assert.ErrorContains(t, err, "sitefile: demoshop/clients.json:1:1: must be JSON: ")
}

func TestFromFS_UnreadableFileIsAMistake(t *testing.T) {
	_, err := sitefile.FromFS(denied{shop(nil)})
	require.Len(t, mistakes(t, err), 1)
	assert.EqualError(t, err, "sitefile: demoshop/customers.json: must be readable: permission denied")
	assert.ErrorIs(t, err, fs.ErrPermission)
}

// denied refuses to read customers.json.
type denied struct{ fstest.MapFS }

func (d denied) ReadFile(name string) ([]byte, error) {
	if strings.HasSuffix(name, "customers.json") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.MapFS.ReadFile(name)
}

func TestMistake_ShowsNothingPersonalOrSecret(t *testing.T) {
	const secret = "tell-nobody"
	_, err := sitefile.FromFS(shop(map[string]string{
		"demoshop/customers.json": `[
			{"id": "anna@shop.example", "contactEmail": "anna@shop.example", "passwordHash": "` + secret + `", "preferredSite": {"x": "` + secret + `"}},
			{"id": "anna@shop.example", "contactEmail": "ANNA@shop.example", "addresses": "` + secret + `", "anna@shop.example": 1, "anna@shop.example": 2},
			"anna@shop.example"]`,
		"demoshop/clients.json": `[{"clientId": "back", "secretHash": "` + secret + `", "scopes": ["` + secret + ` "]}]`,
	}))
	require.Len(t, mistakes(t, err), 9)
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Error("all", "mistakes", slog.GroupValue(slog.Any("0", mistakes(t, err)[0]), slog.Any("1", mistakes(t, err)[3])))
	for _, s := range []string{err.Error(), logged.String(), fmt.Sprintf("%+v", *mistakes(t, err)[0])} {
		assert.NotContains(t, strings.ToLower(s), "@")
		assert.NotContains(t, s, secret)
	}
	assert.Contains(t, logged.String(), `"file":"demoshop/customers.json","line":2,"column":`)
}

func TestMistake_LongValueIsCut(t *testing.T) {
	_, err := sitefile.FromFS(shop(map[string]string{"demoshop/sites.json": sitesIn(strings.Repeat("é", 5000))}))
	all := mistakes(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, strings.Repeat("é", 32)+"…", all[0].Value)
	assert.Less(t, len(err.Error()), 500)
}

func TestFromFS_PlacesManyMistakes(t *testing.T) {
	if testing.Short() {
		t.Skip("large input")
	}
	many := "[" + strings.Repeat("0,\n", 50_000) + "0]"
	_, err := sitefile.FromFS(shop(map[string]string{"demoshop/customers.json": many}))
	all := mistakes(t, err)
	require.Len(t, all, 50_001)
	assert.Equal(t, 50_001, all[50_000].Line)
}

func TestOpen_NamedPipeDoesNotBlock(t *testing.T) {
	dir := newFolder(t, nil)
	dir.remove(t, "demoshop/clients.json")
	makePipe(t, dir.path("demoshop/clients.json"))
	_, err := sitefile.Open(string(dir), sitefile.Config{})
	assert.ErrorContains(t, err, "demoshop/clients.json: must be readable: not a regular file")
}

func TestOpen_IgnoresPlainFilesAndHiddenFolders(t *testing.T) {
	dir := newFolder(t, map[string]string{"README.md": "x", "Notes": "x", ".git/config": "x", ".Hidden/sites.json": "x", "lost+found/x": "x", "demoshop/notes.txt": "x"})
	require.NoError(t, os.Symlink(dir.path("nowhere"), dir.path("dangling")))
	f, err := sitefile.Open(string(dir), sitefile.Config{})
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, []string{"demoshop"}, f.Tenants())
}

package sitefile_test

import (
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/sessionctx/storefront/defaults/sitefile"
)

// A program that checks data before it is deployed shows every mistake, not only the first.
func ExampleMistake() {
	_, err := sitefile.FromFS(fstest.MapFS{
		"demoshop/sites.json":   {Data: []byte(`[{"code": "main", "default": "yes", "currency": 978}]`)},
		"demoshop/clients.json": {Data: []byte(`[{"clientId": "backoffice", "secretHash": "in clear text"}]`)},
	})
	fmt.Println(err)

	var m *sitefile.Mistake
	if errors.As(err, &m) {
		fmt.Println("first:", m.File, m.Line, m.Column, m.Field)
	}
	// Output:
	// sitefile: demoshop/sites.json:1:2: record 0 "main": homeBase.address.country: is required
	// sitefile: demoshop/sites.json:1:2: record 0 "main": defaultLanguage: is required
	// sitefile: demoshop/sites.json:1:30: record 0 "main": default "yes": must be a boolean, is a string
	// sitefile: demoshop/sites.json:1:49: record 0 "main": currency "978": must be a string, is a number
	// sitefile: demoshop/clients.json:1:43: record 0 "backoffice": secretHash: must be a bcrypt hash
	// first: demoshop/sites.json 1 2 homeBase.address.country
}

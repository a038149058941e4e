package sitefile

import "strings"

// Account is what a token issuer needs to know of a customer.
type Account struct {
	CustomerID   string
	Email        string // as the file spells it
	PasswordHash string // bcrypt; empty: this customer has no password to log in with
}

// Account returns the account with an e-mail address, which is compared without regard to case
// and to spaces around it. It is safe for concurrent use by multiple goroutines.
func (f *Files) Account(tenant, email string) (Account, bool) {
	t := f.state.Load().tenants[tenant]
	if t == nil {
		return Account{}, false
	}
	id, ok := t.emails[foldEmail(email)]
	return t.accounts[id], ok
}

// AccountOf returns the account of a customer. It is safe for concurrent use by multiple
// goroutines.
func (f *Files) AccountOf(tenant, customerID string) (Account, bool) {
	t := f.state.Load().tenants[tenant]
	if t == nil {
		return Account{}, false
	}
	a, ok := t.accounts[customerID]
	return a, ok
}

// foldEmail makes e-mail addresses equal that differ in case or in spaces around them.
func foldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

package defaults

// ValidTenant reports whether s can be the name of a tenant: ^[a-z][a-z0-9]+$, 3 to 16 characters,
// as the Emporix services specify it.
func ValidTenant(s string) bool {
	if len(s) < 3 || len(s) > 16 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

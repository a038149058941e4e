// Package letters reads codes that consist of letters.
package letters

// Upper returns s in upper case if it is n ASCII letters.
func Upper(s string, n int) (upper string, ok bool) {
	if len(s) != n {
		return "", false
	}
	lower := false
	for i := range n {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
		case 'a' <= c && c <= 'z':
			lower = true
		default:
			return "", false
		}
	}
	if lower {
		b := []byte(s)
		for i := range b {
			b[i] &^= 'a' - 'A'
		}
		s = string(b)
	}
	return s, true
}

package display

// Languages returns the languages that Options offers where a site has no list, sorted.
func Languages() []string { return data().languages() }

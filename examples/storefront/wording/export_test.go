package wording

// Texts returns all texts of a language.
func (l *Language) Texts() map[string]string { return l.texts }

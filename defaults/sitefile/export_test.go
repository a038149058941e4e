package sitefile

// Poll is one look for changes: the seam by which tests need no clock. It must not be used with
// Files that Open made, whose goroutine polls.
func (f *Files) Poll() { f.poll() }

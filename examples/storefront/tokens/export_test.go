package tokens

// OnCompare has f compare passwords with hashes instead of bcrypt.
func (is *Issuer) OnCompare(f func(hash, password []byte) error) { is.compare = f }

// FailuresKept returns how many subjects of failures are remembered, and how many can be.
func (is *Issuer) FailuresKept() (n, limit int) {
	is.failures.mu.Lock()
	defer is.failures.mu.Unlock()
	return len(is.failures.young) + len(is.failures.old), failuresKept
}

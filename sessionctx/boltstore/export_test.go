package boltstore

// MaxReads is the bound of the reads in flight.
const MaxReads = maxReads

// OpenSmall is Open without room to grow in the memory map: a file that grows is mapped again.
func OpenSmall(path string) (*Store, error) { return openWith(path, 0) }

// HoldFile opens a transaction of bbolt that reads, and returns how to end it. A commit that has to
// map the file again waits for it, and every new transaction waits for the commit.
func (s *Store) HoldFile() (release func(), err error) {
	tx, err := s.begin(false)
	return func() { s.rollback(tx) }, err
}

// Package boltstore keeps session records in a file: an embedded store that survives restarts, for
// one process. It is a module of its own, on bbolt.
//
// What it promises. When Save returns, the write is on the disk: a kill -9 of the process and a
// power cut lose no write that was answered, and leave none in part. A Load never shows what is not
// on the disk yet. Tombstones and the generations of customers last too: what has ended stays ended
// after a restart.
//
// What it costs. A write takes two fsyncs, one or two milliseconds on an ordinary SSD. All writes
// that come meanwhile share the next two, so more goroutines write more in a second. A read that
// the near-cache does not answer takes some microseconds. Open reads the whole file, in which a
// session of a few choices takes about 400 bytes. Erase reads every record, because there is no
// index by customer.
//
// One process. Open locks the file. A second process is refused after a second, so that in a
// rolling restart the old process must end before the new one starts. For several processes take a
// shared store. Where several containers mount one folder the lock holds as long as they run on one
// kernel.
//
// Where to put the file. On a local disk that keeps what it has confirmed. Not on a network file
// system (NFS, SMB): locks and memory maps do not hold there what they promise. Not in a
// container's own layers (overlayfs), which are removed with the container: on a volume. The file
// is made with mode 0600 and should stay so: it holds no session id, only SHA-256 sums of them, but
// customer ids, carts and attributes as they are.
//
// Size. Records that have expired are removed by the writes that follow and once a minute. The room
// is used again, but the file does not shrink. It grows in steps of 16 MiB, which a disk fills only
// as they are used. On a full disk writes fail with sessionctx.ErrUnavailable, reads go on, and so
// do writes once there is room. On 64-bit systems other than Windows the store reserves 64 GiB of
// address space, or less where that is limited: no memory. On the others a write that makes the
// file larger may have to wait until the first part of a WriteTo is over, and reads wait with it.
//
// Backup. WriteTo copies the store while it is in use. It needs as much room beside the file as the
// file has, for as long as the copy is written. Do not copy the file itself while it is in use.
// bbolt's command compact makes a copy smaller.
//
// Damage. Each record has a checksum that includes its key. For a damaged record Load and Save
// return an error until it expires. They never return the record, and never say that there is no
// such session. bbolt's pages have no checksums, so Open checks all pages, and refuses a damaged
// file: put a backup in its place. A file that is damaged while it is in use causes errors, not
// panics. The next Open finds such damage. After a failed fsync nobody knows what is on the disk,
// so the Store refuses all calls until the file is opened again.
package boltstore

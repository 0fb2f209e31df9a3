// Package seglog is an append-only log of opaque records on disk, cut into segments of one size.
//
// The guarantee: a record whose done was told nil under Sync always is read again, unchanged and in its place in the
// order, by every later Open, unless its segment was removed or the disk itself lost what it had confirmed; and whatever
// cannot be read again is reported and copied to quarantine, never dropped silently.
//
// It is no database: it has no keys and no transactions, changes nothing that it has written, keeps one directory for one
// process, and knows nothing of what is in a record. On a file system that copies on write, fallocate promises no room
// for what is written later, and neither does a reservation.
//
// # Format, version 1
//
// A directory holds segments, named by their number in 16 hexadecimal digits and ".seg", the file "lock", perhaps segments
// in the making (".tmp"), and the directory "quarantine". All integers are little-endian.
//
// A segment begins with a header of 64 bytes: the magic "TGSEGLOG", the version (u32), a CRC-32C of the header with this
// field zero (u32), the kind (8 bytes), the number (u64), the time of its creation (i64, nanoseconds since 1970), the
// size of the segment (u64), zeros. Magic, version and CRC stay where they are in every version. Records follow:
//
//	u32  length of the payload (24 bits) and, in the highest byte, the type
//	u32  CRC-32C of the number of the segment (u64), the offset of the payload (u32), the word above, and the payload
//	...  payload, and zeros up to a multiple of 8
//
// Type 1 is a record. Type 2 stands once, as the first record of each segment, and names the end of the log before it: the
// number of the last segment (u64) and the offset behind its last valid record (u32), and four zeros. What stands between
// that end and the segment is void. That is how a torn tail, or what a failed disk has left behind, stays out of the
// log for ever without being written to, and how a gap in the numbers is told from a loss.
//
// # Failures
//
// After a failed or short write or a failed fsync a segment is trusted up to what was synced before, and neither written
// nor synced again: a page whose writeback failed may be marked clean, and a second fsync would tell a lie. What is not
// durable is written again, from memory, to a new segment, which voids what the failed one may hold behind the trusted
// end. If that fails too, the waiters are told, the records stay in memory, and they are tried again with each later
// commit and every second, until they are durable or the process ends. So a record whose done was told an error may still
// come back, and after a crash between the writing of the new segment and the voiding of the old one the same record may be
// replayed twice, once from each: who replays must be idempotent.
package seglog

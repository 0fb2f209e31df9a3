// Package journal is the gatekeeper's durable memory: the calls that live, the events that are kept for module instances
// that could not take them, and what every module answered. It stands on two logs of package seglog, in one directory:
//
//   - The main log holds chains of records. A live call is a chain that only the gatekeeper understands; a kept event is
//     one with the event, the instances that it is kept for, and what modules have noted for it.
//   - The ledger holds the answers of the modules for LedgerKeep, to be looked up.
//
// DESIGN.md tells what it guarantees, how it lies on the disk, and what survives what.
package journal

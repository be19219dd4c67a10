// Package backup writes all that a portal keeps into one archive, while it runs, and puts it back, whole or not at
// all.
//
//	Create:  snapshot of the database, keys ─▶ manifest with their digests ─▶ FILE
//	Restore: FILE ─▶ checked and unpacked beside the state ─▶ journal ─▶ moved into place ─▶ journal removed
//
// Up to the journal nothing has changed; from it on, whoever opens the state first finishes the work ([Finish]).
package backup

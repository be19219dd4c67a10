// Package store keeps accounts, cameras and login sessions in a database: SQLite by default,
// Postgres when asked. It is the only importer of gorm. The schema is versioned SQL in migrations/,
// applied at start; gorm never changes it.
//
// Whatever must happen once (a claim, a nonce, a confirmation) is one conditional UPDATE or INSERT,
// so that it holds with several portals on one database.
package store

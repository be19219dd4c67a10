// Package storetest gives tests real databases: SQLite in a temporary folder, and a throw-away PostgreSQL of
// Debian's package. [Both] runs a package's whole suite on the one and then on the other.
//
// The server is unlike SQLite on purpose wherever a setting can be: its texts sort by a language's rules, not by
// bytes, and its time zone is an odd one.
package storetest

// Package store is the database: SQLite in a file, or PostgreSQL, behind one Store and one Tx.
// Owns: opening, transactions (with the crash points around each commit), conditions and numbered values of statements, the migration runner
// and its table store_version, and ForTest.
// Imports: the dictionary and clock. SQL drivers are imported here only; jobs may name pgx's types.
//
// One SQL text serves both databases: parameters are $1, $2, …; times are BIGINT milliseconds of the Unix epoch; JSON is TEXT; ids are made
// by the application. Tables begin with their owner's name and appear in that package only. No network call inside a transaction.
package store

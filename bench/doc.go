// Package bench measures the program's figures as ratios: against a named peer in the same run, or against a bound computed first.
//
// Run it with
//
//	make bench
//
// or a part of it with
//
//	go test -run '^$' -bench Reading -benchtime 1x -v ./bench
//	go test -run '^$' -bench Paced   -benchtime 1x -v ./bench
//	go test -run '^$' -bench Hub     -benchtime 1x -v ./bench
//	cd conformance && go test -run '^$' -bench Gigabyte -benchtime 1x . # against rclone; 12 GB of room
//
// At the end a table has one line a figure: what was measured, the target, the ratio of the two (1 or less meets it), and yes or NO.
// A line without a target is there for comparison. A missed target does not fail the run; what could not be measured does.
// The simulator is `seneschal sim` in a process of its own wherever CPU time is told.
//
//   - Reading: 50,000 messages page by page into typed values, by bench/reader (internal/graph with the hub's governor and limits) and by
//     bench/peer (Microsoft's Graph SDK for Go, a module of its own), each a process that reads three times in turn; the middle counts.
//     CPU time is the whole process's, user and system; allocations are all it ever made.
//   - Paced: 200 mailboxes, each with 4 readers of pages of 10 from an answer that takes 20 ms, 50 requests in 10 s allowed. The bound is
//     printed before; it knows the limits only, so a machine that is busy with other programs (they are told) misses it at the first rush. A plain worker pool that waits when it is told to does the same beside it.
//   - Feeds: first imports of few large and many small mailboxes, and what each mailbox costs beside one of few. BENCH_SCALE divides.
//   - Changes: one mail after the other arrives; when it is on the customer's page, and how many requests that took. BENCH_CHANGES counts.
//   - Notices: notifications at a steady pace, and how late their answers are. BENCH_PACE a second, for BENCH_LENGTH.
//   - Calls: a hub is asked for mails' bodies over REST, each look recorded first; how many a second are answered, alone and in batches.
//   - Deliveries: 5,000 invoices are handed in at once and leave at a mailbox's pace, on a clock that is moved as fast as the hub follows.
//     BENCH_MAILS counts.
//   - Slots: slots of technicians are sent, sent again and sent changed, under scaled limits; how many requests each took, and how long against
//     the limits' bound. BENCH_SLOTS, BENCH_TECHNICIANS.
//   - Hub: start to readiness, memory after an idle minute, `action list`, and what an action adds to the Graph call in it.
//
// Settings of the environment: BENCH_COLD=1 builds reader, peer and hub with an empty build cache and tells how long it took (many
// minutes); BENCH_IDLE=10s shortens the idle minute; BENCH_WINDOWS=2 shortens the paced run,
// BENCH_MAILBOXES=40 narrows it, BENCH_ALLOWED=20 scales its limit down further.
//
// Owns: nothing of the product.
// Imports: app and sim to join a hub under test; graph and wire, which are measured.
package bench

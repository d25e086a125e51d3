// Package smtp is the door for programs that speak nothing but SMTP: a planning system, a printer. What they hand in becomes delivery.send, with
// its ledger, its pace and its proof.
// Owns: the protocol and the reading of MIME. It has no mail of its own: 250 is said when the delivery stands in the database, and never before.
// Imports: the hall. The engine is reached as an action.
//
// The envelope is the truth: nobody gets mail who is not in it, whatever the header says. The key of a delivery is made of Message-ID and
// envelope, so that a client that never heard its 250 and sends all of it again has sent one mail.
package smtp

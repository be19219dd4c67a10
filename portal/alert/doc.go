// Package alert tells owners what happens to their cameras, by calling addresses of theirs (webhooks): a
// camera went offline or is back, somebody tried to claim it.
//
//	presence ─ Watch ─┐
//	                  ├─ Service ─ the database ─ Service.Run ─ POST
//	account ──────────┘
//
// Calls are kept in the database until they have arrived, so that a restart loses none, and are signed as
// the Standard Webhooks specification has it. An address that is not on the Internet is never called: a
// portal reaches machines that its users do not.
package alert

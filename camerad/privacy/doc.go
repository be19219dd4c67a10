// Package privacy is the switch by which a camera's owner has it take no picture and no sound: at
// once, or by a weekly schedule. It is the camera's own, kept in its state folder, so it holds while
// the portal is unreachable and over restarts.
//
//	Call (rpc "privacy") ─▶ Switch ─▶ privacy.json
//	                          │ Run: sleeps until the schedule's next edge
//	                          ▼
//	                        Changed, State ─▶ capture stops, viewers leave, the status says why
//
// Whatever is unsure is private: a damaged file, and a schedule while the time is not known, which it
// is not between a start without a battery-backed clock and the first answer of the portal.
//
// A time of day that a change of the clocks skips is the moment of the change; one that comes twice
// begins a span the first time and ends it the second time.
package privacy

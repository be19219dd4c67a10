// Package signaling is the wire contract that browser, portal and camera share: one message
// struct, the MQTT topics it travels on, and the retained presence status.
//
// One view, from the click to the first frame:
//
//	browser            portal (bridge)              broker               camerad
//	   │ WebSocket open    │                          │                     │
//	   │◀─ welcome ────────│ viewer id, ICE servers   │                     │
//	   │◀─ status ─────────│◀── status (retained) ────│◀────────────────────│
//	   │                   │                          │                     │
//	   │── offer ─────────▶│ owner? stamp seq, ICE ──▶│ …/to-camera ───────▶│
//	   │── candidate ─────▶│ ────────────────────────▶│ …/to-camera ───────▶│
//	   │◀─ answer ─────────│◀─────────────────────────│ …/to-viewer ◀───────│
//	   │◀─ candidate ──────│◀─────────────────────────│ …/to-viewer ◀───────│
//	   │◀════════════ DTLS-SRTP, direct or by TURN ══════════════════════▶ │
//	   │── stages ────────▶│ (if the welcome asked)   │                     │
//	   │── bye ───────────▶│ ────────────────────────▶│ …/to-camera ───────▶│
//
// Besides, a camera has methods (MQTT 5, 4.10): a request on …/rpc/{method} names with its Response
// Topic where on …/replies/{client} the answer goes, and its Correlation Data comes back with it.
//
//	portal or tool                               broker               camerad
//	   │── request: JSON ─────────────────────────▶│ …/rpc/{method} ────▶│
//	   │◀─ reply: JSON, or a picture ──────────────│ …/replies/{client} ◀│
//
// A refusal travels as an error message in place of the answer. A second offer in a known session
// is an ICE restart (RFC 8445 section 9), not a new view. Who is interrupted first begins it: the page by
// itself, the camera by a restart message, since only the page makes offers.
//
// Who a message is from is what its connection authenticated as and which topic it came on; a
// payload never says. A session id is "<viewer>-<n>": the portal mints viewer ids bound to an
// account, the page counts n, so a session can be checked without shared state (see [SessionID]).
//
// A program that speaks WHEP takes the same way with HTTP requests in place of the WebSocket: the portal
// speaks for it (packages whep and bridge of the portal), and collects the camera's candidates, whose
// end an empty candidate marks.
//
// Version history:
//
//	1  offer, answer, candidate, bye, error, welcome, status
//	   since then, which older sides ignore: role in offers, privacy mode, the methods snapshot and
//	   privacy, restart, the policy in welcome and offers, since in status, the end of a camera's candidates,
//	   grant and until, talk, measure in welcome and stages, visits: offers without picture and sound, whose data channel pairs devices;
//	   the methods ping, info, logs, selftest, restart and config, events, config/desired and config/reported
package signaling

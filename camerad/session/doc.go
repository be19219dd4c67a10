// Package session negotiates with viewers: each message of package signaling that arrives for the
// camera goes to [Manager.Deliver], and a [Manager] makes of them sessions, each one viewer's
// PeerConnection, fed by package media.
//
//	Deliver ─▶ Manager (one goroutine: the map, replay protection, limits)
//	              ├─▶ session (one goroutine: one viewer's negotiation) ─▶ Publish
//	              └─▶ session …                     └─▶ media.Viewer (one goroutine: sending)
//
// A session's life, by the state of its PeerConnection:
//
//	offer ─▶ connecting ─▶ connected ◀─▶ disconnected ─▶ failed ─▶ ended
//	              │            ▲                            │ 30 s
//	              └─ 30 s ─▶ ended └──── another offer (ICE restart) ──┘
//
// It also ends with a bye from either side. What one viewer does, or sends, never touches another.
package session

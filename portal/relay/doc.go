// Package relay is the portal's own STUN and TURN server (RFC 8489, RFC 8656), for viewers and
// cameras whose networks let no direct connection through. It relays what it cannot read.
//
//	viewer ──UDP, TCP or TLS──▶ listener ──▶ relayed address ──UDP──▶ camera, or its relayed address
//
// pion/turn speaks the protocol: it authenticates, allocates, permits and binds channels. This package holds
// what pion asks for: the sockets on both sides, who may allocate and how much, and which peers may be
// reached. What is relayed does not pass through pion, but for Send indications: a packet is read from one
// socket, gets its header and is written to the other, and a key frame is so in one piece.
//
// A credential names the session it was minted for, the account it counts for and the end that holds it,
// so that the server knows all three without a list of credentials. Only the sessions that were ended
// before their credentials expire are remembered.
package relay

// Package broker is SecCam's embedded MQTT v5 broker: Mochi behind a guard on every connection and
// one hook, which authenticates, authorises and keeps presence true. It is the only importer of
// Mochi, and closes, without a fork, what bare Mochi leaves open on a network:
//
//	socket ─▶ gate ─▶ conn ─▶ attach ─▶ Mochi ─▶ hook
//	          │       │       │                  ├ hook.go      what may be published, subscribed, delivered, retained
//	          │       │       │                  └ retained.go  retained messages to wildcard subscribers, none dropped
//	          │       │       ├ attach.go  a client's life: packets in order, panics end one client, the Will
//	          │       │       └ admit.go   who may connect: token, client id, Will, revocation, takeover
//	          │       └ conn.go   deadlines, packet sizes, rates, slow consumers
//	          └ gate.go   connections per address, unauthenticated connections, failed authentications
//
// # Identity
//
// The password is a token of package credential, the user name its subject, the client id the
// subject or "subject.something". What a client may do is what both its identity's rules and the
// token's acl claim allow; a token without a claim may do nothing. A tool has no rules of its own:
// its claim counts, within the limits of [toolRules].
//
// # Refusals
//
//	0x85 client identifier not valid  empty, or not the credential's
//	0x86 bad user name or password    token not ours, malformed, or of another user name
//	0x87 not authorized               token expired or revoked, Will or topic not allowed
//	0x88 server unavailable           the revocation list cannot be read, or the old connection does not end
//
// An expired token is told apart from a bad one (its signature was verified, so this reveals
// nothing): a person with an old token learns what to do. A refused publication of QoS 1 gets a
// PUBACK with 0x87; of QoS 0, which has no answer, it is dropped and counted. MQTT 3.1.1 clients
// get the return codes of their version, and a clean session whatever they ask for.
//
// # Presence
//
// A camera has one connection: the newest. A new one ends the old one, waits until nothing of it is
// left, and only then gets its CONNACK. So the old one's Will is either suppressed or out before
// the camera can publish that it is online, and Mochi never sees two clients of one name, which it
// would confuse. Every other death of a live connection (cut socket, keep-alive, panic, revocation,
// expiry) publishes the Will; the end of the broker does not.
//
// # What is used of Mochi
//
// Its packets, its index of topics, its processing of each packet and its writer. Its connection
// life ([mqtt.Server.EstablishConnection]) is not: it loses sessions when two clients of one name
// meet, and handles packets in the goroutine that waits for them, which then keeps 32 KiB of stack
// for as long as the camera is idle. [mqtt.Server.Serve] is not either: its loop copies the map of
// all clients twice a second, deletes clients by name while they reconnect, and stops the world to
// publish $SYS. Nothing of it is needed: there are no sessions to expire, Wills are never delayed
// and retained status does not expire.
package broker

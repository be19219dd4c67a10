// Package factor is what proves who a person is besides the password: one-time codes of an authenticator
// app (RFC 6238), passkeys (WebAuthn), and recovery codes for the day when neither is at hand.
//
// A person with any of the first two needs it at each log-in by password. A passkey that asked for a finger,
// a face or a PIN is two factors by itself, so it also logs in alone.
package factor

// Package pairing knows the devices that were shown to this camera itself, and whether they alone may
// watch it. A portal and a broker only carry messages: who controls them can neither pair a device, nor
// switch "only paired devices" off, nor watch while it is on.
//
// A device is known by the fingerprint of its DTLS certificate, which it keeps. It is paired by
//
//   - the pairing code, which is on the camera and its label and never goes to the portal: both ends prove
//     by HMAC that they know it, over both fingerprints as each of them sees them ([Proof]), so a proof is
//     worth nothing on a connection with somebody in the middle, nor on another connection;
//   - a device that is paired already, whose person types the code that the new one shows, a hash of the new
//     one's fingerprint ([DeviceCode]).
//
// All of it goes over the data channel of a connection between the two, where DTLS has proved each
// certificate, and none of it through signalling: a camera that lets only paired devices watch still takes
// such connections from others, without picture and sound.
//
// The [Book] is a file in the state folder. Whatever is unsure is shut: while the file cannot be read, only
// paired devices may watch, and there are none.
package pairing

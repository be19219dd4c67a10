// Package sound is the camera's sound in both directions, as Opus (RFC 6716, RTP payload RFC 7587).
//
//	Microphone.ReadSound ─▶ Encode ─▶ Opus packets, one encoding for all viewers
//	a talker's RTP payloads ─▶ Talk (order, loss, decoding) ─▶ Speaker (jitter buffer) ─▶ loudspeaker
//
// All samples are 16 bit, mono, [Rate] per second. Microphones and loudspeakers are those of ALSA, by
// miniaudio; a desktop's PulseAudio or PipeWire is ALSA's default there. Without any, nothing but an
// error happens.
//
// mediadevices' microphone driver stands on the same library, but opens it when the program starts,
// panics where there is none, loses sound when the reader is late, and waits forever for a microphone
// that gives nothing.
package sound

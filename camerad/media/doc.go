// Package media turns a camera into RTP for many viewers at once: a picture is captured, encoded
// and packetised once, and a viewer adds only its own headers.
//
//	Source ─▶ frames ─▶ encoder ─▶ access units ─▶ hub ─▶ Viewer (own queue, own headers) × N
//
// [Engine] owns the pipeline and rests while nobody holds it. Its capture goroutine is the only one
// that touches the source and the encoder, since mediadevices' ForceKeyFrame and SetBitRate race
// with Encode. The hub keeps the current group of pictures, so that a viewer who joins sees a
// picture without waiting for a key frame. A [Viewer] that cannot keep up loses frames up to the
// next key frame and never slows another.
//
// It is the only importer of mediadevices.
package media

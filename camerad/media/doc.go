// Package media turns a camera into RTP for many viewers at once: a picture is captured, encoded
// and packetised once, and a viewer adds only its own headers.
//
//	source ─▶ pictures ─▶ layers: full, low, VP8 ─▶ hub ─▶ Viewer (own queue, own headers) × N
//	   │         └──▶ snapshot                       ▲
//	   └─────── access units (coded already) ────────┘
//	sound ─▶ Opus ──────────────────────────────────▶ Viewer × N
//
// [Engine] owns the pipeline and rests while nobody holds it. A layer is one encoding of the pictures,
// in one goroutine, and runs only while somebody uses it: the full one; the low one, for viewers whose
// link is far narrower than the others'; VP8, for viewers that refuse H264. What a source has encoded
// itself is passed through, in place of the full layer. A hub keeps the current group of pictures, so
// that a viewer who joins sees a picture without waiting for a key frame.
//
// A few goroutines send to all viewers ([crew]). A [Viewer] that cannot keep up loses frames up to the next key
// frame and never slows another. What its path carries is estimated by package congestion; the engine shares
// the bits out (steer.go).
//
// Below it: package source, where pictures come from; sound; annexb, the streams' syntax; congestion. It
// and these are the only importers of mediadevices.
package media

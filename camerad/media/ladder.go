package media

// minBitsPerPixel is what a picture needs to look like one: below it, fewer pixels look better.
// 720p30 has it from 830 kbit/s on.
const minBitsPerPixel = 0.03

// better is by how much a bitrate must exceed what the next larger step needs, before it is taken:
// else it would change to and fro.
const better = 1.25

// steps are the ways to send fewer pixels: the share of the size in eighths, and the part of the
// pictures. Size goes first, since motion is what a camera is watched for.
var steps = []struct{ eighths, every int }{{8, 1}, {6, 1}, {4, 1}, {4, 2}, {3, 2}, {2, 2}, {2, 4}}

// fit returns the rate for a bitrate: the limits' size and frame rate or, if the bits do not suffice
// for them, less. before is the rate until now.
func fit(bitrate int, limits, before Rate) Rate {
	var rate Rate
	for _, step := range steps {
		rate = Rate{
			Width: even(limits.Width * step.eighths / 8), Height: even(limits.Height * step.eighths / 8),
			FPS: max(1, limits.FPS/step.every), Bitrate: bitrate,
		}
		need := minBitsPerPixel * float64(rate.pixels())
		if rate.pixels() > before.pixels() {
			need *= better
		}
		if float64(bitrate) >= need {
			break
		}
	}
	return rate
}

// pixels is how many are encoded in a second.
func (r Rate) pixels() int { return r.Width * r.Height * r.FPS }

// lowLimits are those of the low layer: 360 lines, which cost little to encode.
func lowLimits(full Rate) Rate { return within(full, 360, full.FPS, lowBitrate) }

// within returns limits whose shorter side is at most lines.
func within(r Rate, lines, fps, bitrate int) Rate {
	if short := min(r.Width, r.Height); short > lines {
		r.Width, r.Height = even(r.Width*lines/short), even(r.Height*lines/short)
	}
	r.FPS, r.Bitrate = min(r.FPS, fps), min(r.Bitrate, bitrate)
	return r
}

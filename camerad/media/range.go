package media

import "image"

// ranges maps luma and chroma to another range.
type ranges struct{ luma, chroma [256]byte }

// limited maps values of full range, 0 to 255, to those of video, 16 to 235 and 16 to 240 (BT.601 section
// 2.5.3); full maps them back.
var limited, full = func() (limited, full ranges) {
	for i := range 256 {
		limited.luma[i] = byte(16 + (i*219+127)/255)
		limited.chroma[i] = byte(16 + (i*224+127)/255)
		full.luma[i] = byte(max(0, min(255, ((i-16)*255+109)/219)))
		full.chroma[i] = byte(max(0, min(255, ((i-16)*255+112)/224)))
	}
	return limited, full
}()

// fullRange returns a copy of a picture with the values that JPEG has (JFIF 1.02).
func fullRange(from *image.YCbCr) *image.YCbCr {
	to := image.NewYCbCr(image.Rectangle{Max: from.Rect.Size()}, from.SubsampleRatio)
	for i, value := range from.Y[:len(to.Y)] {
		to.Y[i] = full.luma[value]
	}
	for i := range to.Cb {
		to.Cb[i], to.Cr[i] = full.chroma[from.Cb[i]], full.chroma[from.Cr[i]]
	}
	return to
}

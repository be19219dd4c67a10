package source

import (
	"errors"
	"slices"
	"time"

	"seccam/camerad/media/annexb"
)

// Controls of a camera's H264 encoder (V4L2_CID_MPEG_VIDEO_ and the name).
const (
	controlGOPSize       = 0x0099_09cb
	controlBitrate       = 0x0099_09cf
	controlRepeatHeaders = 0x0099_09e2
	controlIPeriod       = 0x0099_0a66 // H264_I_PERIOD
	controlProfile       = 0x0099_0a6b // H264_PROFILE

	profileBaseline            = 0
	profileConstrainedBaseline = 1
)

// steerableH264 reports whether the camera's encoder takes a bitrate and a time between key frames.
func steerableH264(ask ioctl) bool {
	return settable(ask, controlBitrate) && (settable(ask, controlIPeriod) || settable(ask, controlGOPSize))
}

// steerH264 asks the camera's encoder for what is wanted, as far as it has controls for it: a camera that
// has none is passed through as it is. Not every driver has the constrained profile.
func steerH264(ask ioctl, want Video, fps int) {
	period := max(1, int(want.KeyFrameInterval*time.Duration(fps)/time.Second))
	_ = setWithin(ask, controlBitrate, want.Bitrate)
	_ = setWithin(ask, controlIPeriod, period)
	_ = setWithin(ask, controlGOPSize, period)
	_ = setWithin(ask, controlRepeatHeaders, 1)
	if setWithin(ask, controlProfile, profileConstrainedBaseline) != nil {
		_ = setWithin(ask, controlProfile, profileBaseline)
	}
}

// unitDecoder passes H264 on. Some cameras give parameter sets in a buffer of their own; those become
// part of the access unit that they belong to, the next one.
type unitDecoder struct {
	headers []byte
}

// Errors of what a camera gives as H264.
var (
	errNoNAL    = errors.New("no H264 in Annex B form")
	errHeaders  = errors.New("only parameter sets so far")
	errHeadSize = errors.New("parameter sets without end")
)

// maxHeaders is far more than the parameter sets of one stream take, in bytes.
const maxHeaders = 1 << 16

// decode copies data, which the driver is about to overwrite.
func (d *unitDecoder) decode(data []byte) (Frame, error) {
	units, pictures := 0, 0
	for nal := range annexb.NALUnits(data) {
		units++
		if kind := nal[0] & 0x1f; kind >= 1 && kind <= annexb.H264IDR { // a coded slice
			pictures++
		}
	}
	if units == 0 {
		return Frame{}, errNoNAL
	}
	unit := slices.Concat(d.headers, data)
	d.headers = nil
	if pictures > 0 {
		return Frame{Unit: unit}, nil
	}
	if len(unit) > maxHeaders {
		return Frame{}, errHeadSize
	}
	d.headers = unit
	return Frame{}, errHeaders
}

// Package vp8 encodes pictures as VP8 by libvpx, in real time.
//
// mediadevices has an encoder, too, which tells libvpx times in another unit than it promises, so that
// no bitrate is kept, and which has it run at its slowest.
package vp8

// #cgo pkg-config: vpx
// #include "vp8.h"
import "C"

import (
	"errors"
	"fmt"
	"image"
	"time"
	"unsafe"
)

// clock is the unit of libvpx' times, in Hz (RFC 7741 section 4.1).
const clock = 90_000

// Encoder encodes pictures of one size. It belongs to one goroutine.
type Encoder struct {
	state *C.vp8_state
	size  image.Point
	last  int64 // time of the latest picture
}

// New returns an encoder for pictures of width × height pixels and bitrate in bit/s, of which at least
// every interval-th becomes a key frame. It must be closed.
func New(width, height, bitrate, interval int) (*Encoder, error) {
	var state *C.vp8_state
	if code := C.vp8_open(&state, C.int(width), C.int(height), kilobits(bitrate), C.int(interval)); code != C.VPX_CODEC_OK {
		return nil, libvpx("start", code)
	}
	return &Encoder{state: state, size: image.Pt(width, height), last: -1}, nil
}

// Encode returns the coded picture, empty if it was skipped to keep the bitrate. The picture is in I420;
// at is when it was captured, on any clock.
func (e *Encoder) Encode(picture *image.YCbCr, at time.Duration, key bool) ([]byte, error) {
	switch {
	case e.state == nil:
		return nil, errClosed
	case picture.Rect.Size() != e.size || picture.SubsampleRatio != image.YCbCrSubsampleRatio420:
		return nil, fmt.Errorf("VP8 encoder for %v was given a picture of %v", e.size, picture.Rect.Size())
	}
	now := max(e.last+1, int64(at)/(int64(time.Second)/clock))
	duration := now - e.last
	if e.last < 0 {
		duration = clock / 30
	}
	e.last = now
	frame := C.vp8_frame{
		ystride: C.int(picture.YStride), cstride: C.int(picture.CStride),
		time: C.vpx_codec_pts_t(now), duration: C.ulong(duration),
	}
	if key {
		frame.flags = C.VPX_EFLAG_FORCE_KF
	}
	code := C.vp8_encode(e.state, &frame, (*C.uchar)(&picture.Y[0]), (*C.uchar)(&picture.Cb[0]), (*C.uchar)(&picture.Cr[0]))
	if code != C.VPX_CODEC_OK {
		return nil, libvpx("encode", code)
	}
	var data []byte
	for size := C.size_t(0); ; {
		part := C.vp8_next(e.state, &size)
		if part == nil {
			return data, nil
		}
		data = append(data, unsafe.Slice((*byte)(part), int(size))...)
	}
}

// SetBitrate changes the bitrate, in bit/s, without a key frame.
func (e *Encoder) SetBitrate(bitrate int) error {
	if e.state == nil {
		return errClosed
	}
	return libvpx("set the bitrate of", C.vp8_set_bitrate(e.state, kilobits(bitrate)))
}

// Close frees the encoder. Closing twice is harmless.
func (e *Encoder) Close() error {
	if e.state == nil {
		return nil
	}
	code := C.vp8_close(e.state)
	e.state = nil
	return libvpx("close", code)
}

var errClosed = errors.New("the VP8 encoder is closed")

func kilobits(bitrate int) C.uint { return C.uint(max(1, bitrate/1000)) }

// libvpx is the error of one of its functions; nil if it succeeded.
func libvpx(doing string, code C.vpx_codec_err_t) error {
	if code == C.VPX_CODEC_OK {
		return nil
	}
	return fmt.Errorf("%s the VP8 encoder: %s", doing, C.GoString(C.vpx_codec_err_to_string(code)))
}

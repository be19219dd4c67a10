package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"seccam/camerad/seal"
	"seccam/pkg/signaling"
)

// How often a new picture is taken, whoever asks: snapshotEvery apart after a few at once. A picture
// that is no older than snapshotEvery serves everybody who waits for one of its width.
const (
	snapshotEvery = 500 * time.Millisecond
	snapshotBurst = 4
)

// Camera takes pictures.
type Camera interface {
	// Snapshot returns a JPEG of at most the given width in pixels, of now. The error is a
	// [signaling.Error] with CodeSourceLost where there is no picture; any other is a mistake of ours.
	Snapshot(ctx context.Context, width int) (jpeg []byte, err error)
}

// snapshots is the method "snapshot". It runs once at a time.
type snapshots struct {
	id     string
	camera Camera
	refuse func() *signaling.Error
	limit  *rate.Limiter

	width int // of the last picture
	last  []byte
	taken time.Time
}

// Snapshots returns the method "snapshot" of a camera. The reply is the JPEG, or with a key the JPEG
// sealed for the asker. While refuse returns an error, as in privacy mode, no picture is taken or
// leaves the camera.
func Snapshots(id string, camera Camera, refuse func() *signaling.Error) Method {
	s := &snapshots{id: id, camera: camera, refuse: refuse, limit: rate.NewLimiter(rate.Every(snapshotEvery), snapshotBurst)}
	return s.call
}

func (s *snapshots) call(ctx context.Context, payload []byte) (contentType string, reply []byte, err error) {
	var request signaling.SnapshotRequest
	if json.Unmarshal(payload, &request) != nil {
		return "", nil, badSnapshot("The request is not understood. Send a width in pixels, and a key in base64 for a sealed picture.")
	}
	if request.Width == 0 {
		request.Width = signaling.SnapshotDefaultWidth
	}
	if request.Width < signaling.SnapshotMinWidth || request.Width > signaling.SnapshotMaxWidth {
		return "", nil, badSnapshot(fmt.Sprintf("The width is from %d to %d pixels.", signaling.SnapshotMinWidth, signaling.SnapshotMaxWidth))
	}
	if request.Key != nil && seal.CheckKey(request.Key) != nil {
		return "", nil, badSnapshot(seal.ErrKey.Error() + ".")
	}
	picture, err := s.picture(ctx, request.Width)
	if err != nil || request.Key == nil {
		return signaling.ContentJPEG, picture, err
	}
	reply, err = seal.Seal(picture, request.Key, s.id)
	return signaling.ContentSealed, reply, err
}

func badSnapshot(text string) error {
	return &signaling.Error{Code: signaling.CodeBadMessage, Message: text}
}

// picture returns the last picture if it is of now, or takes one.
func (s *snapshots) picture(ctx context.Context, width int) ([]byte, error) {
	if refusal := s.refuse(); refusal != nil {
		s.last = nil
		return nil, refusal
	}
	if s.last != nil && s.width == width && time.Since(s.taken) < snapshotEvery {
		return s.last, nil
	}
	if !s.limit.Allow() {
		return nil, &signaling.Error{Code: signaling.CodeRateLimited, Message: "Too many pictures at once. Try again in a moment.", RetryAfter: 1}
	}
	picture, err := s.take(ctx, width)
	if err != nil {
		return nil, err
	}
	if refusal := s.refuse(); refusal != nil { // meanwhile
		return nil, refusal
	}
	s.width, s.last, s.taken = width, picture, time.Now()
	return picture, nil
}

// take asks for less width until the picture fits into a reply.
func (s *snapshots) take(ctx context.Context, width int) ([]byte, error) {
	const room = signaling.MaxReply - seal.Overhead
	for ; width >= signaling.SnapshotMinWidth; width = width * 3 / 4 {
		picture, err := s.camera.Snapshot(ctx, width)
		if err != nil {
			return nil, err
		}
		if len(picture) <= room {
			return picture, nil
		}
	}
	return nil, fmt.Errorf("a picture of %d pixels' width is over %d bytes", signaling.SnapshotMinWidth, room)
}

package rpc

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/camerad/seal"
	"seccam/pkg/signaling"
)

// pictures is a camera whose pictures have so many bytes per pixel of width.
type pictures struct {
	asked   []int
	density int
	err     error
	then    func()
}

func (p *pictures) Snapshot(_ context.Context, width int) ([]byte, error) {
	p.asked = append(p.asked, width)
	if p.then != nil {
		p.then()
	}
	return bytes.Repeat([]byte{0xff, 0xd8}, width*p.density/2), p.err
}

func never() *signaling.Error { return nil }

func ask(method Method, request signaling.SnapshotRequest) (string, []byte, error) {
	request.V = signaling.Version
	payload, err := json.Marshal(request)
	if err != nil {
		return "", nil, err
	}
	return method(context.Background(), payload)
}

func requireCode(t *testing.T, code signaling.Code, err error) {
	t.Helper()
	var told *signaling.Error
	require.True(t, errors.As(err, &told), "%v", err)
	require.Equal(t, code, told.Code)
	require.NotEmpty(t, told.Message)
}

func TestSnapshotWidths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pictures{density: 10}
		method := Snapshots(cameraID, p, never)
		for _, width := range []int{0, 64, 1280} {
			kind, picture, err := ask(method, signaling.SnapshotRequest{Width: width})
			require.NoError(t, err)
			require.Equal(t, signaling.ContentJPEG, kind)
			require.Equal(t, []byte{0xff, 0xd8}, picture[:2])
			time.Sleep(time.Second)
		}
		require.Equal(t, []int{640, 64, 1280}, p.asked)
		for _, width := range []int{63, 1281, -1} {
			_, _, err := ask(method, signaling.SnapshotRequest{Width: width})
			requireCode(t, signaling.CodeBadMessage, err)
		}
		for _, payload := range []string{`{"v":1,"width":"640"}`, `{"v":1,"key":"%"}`, `{"v":1,"width":1e99}`} {
			_, _, err := method(t.Context(), []byte(payload))
			requireCode(t, signaling.CodeBadMessage, err)
		}
		require.Len(t, p.asked, 3)
	})
}

func TestSnapshotIsSealed(t *testing.T) {
	p := &pictures{density: 10}
	method := Snapshots(cameraID, p, never)
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	kind, sealed, err := ask(method, signaling.SnapshotRequest{Key: key.PublicKey().Bytes()})
	require.NoError(t, err)
	require.Equal(t, signaling.ContentSealed, kind)
	require.Len(t, sealed, 6400+seal.Overhead)
	require.NotContains(t, string(sealed), "\xff\xd8\xff\xd8")
	for _, bad := range [][]byte{{}, {4}, make([]byte, 65)} {
		fresh := Snapshots(cameraID, p, never)
		_, _, err := ask(fresh, signaling.SnapshotRequest{Key: bad})
		if len(bad) > 0 { // an empty key is absent
			requireCode(t, signaling.CodeBadMessage, err)
		}
	}
	require.Len(t, p.asked, 2, "a bad key does not wake the camera")
}

// A picture that is too large for a reply is taken again with less width.
func TestSnapshotFitsIntoAReply(t *testing.T) {
	p := &pictures{density: 100}
	kind, picture, err := ask(Snapshots(cameraID, p, never), signaling.SnapshotRequest{Width: 1000})
	require.NoError(t, err)
	require.Equal(t, signaling.ContentJPEG, kind)
	require.LessOrEqual(t, len(picture)+seal.Overhead, signaling.MaxReply)
	require.Equal(t, []int{1000, 750, 562, 421}, p.asked)
	p = &pictures{density: 2000}
	_, _, err = ask(Snapshots(cameraID, p, never), signaling.SnapshotRequest{})
	require.ErrorContains(t, err, "over")
}

// Those who wait together get one picture, and there are about two a second whoever asks.
func TestSnapshotsAreCoalescedAndLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pictures{density: 1}
		method := Snapshots(cameraID, p, never)
		for range 50 {
			_, _, err := ask(method, signaling.SnapshotRequest{})
			require.NoError(t, err)
		}
		require.Len(t, p.asked, 1)
		time.Sleep(snapshotEvery)
		_, _, err := ask(method, signaling.SnapshotRequest{})
		require.NoError(t, err)
		require.Len(t, p.asked, 2, "an old picture is not shown again")

		refused := 0
		began := time.Now()
		for i := range 1000 { // another width each: nothing to share
			if _, _, err := ask(method, signaling.SnapshotRequest{Width: 64 + i}); err != nil {
				requireCode(t, signaling.CodeRateLimited, err)
				refused++
			}
			time.Sleep(10 * time.Millisecond)
		}
		seconds := time.Since(began).Seconds()
		require.InDelta(t, 2*seconds+snapshotBurst, len(p.asked)-2, 2)
		require.Equal(t, 1000, refused+len(p.asked)-2)
	})
}

func TestSnapshotErrors(t *testing.T) {
	p := &pictures{err: &signaling.Error{Code: signaling.CodeSourceLost, Message: "No picture."}}
	_, _, err := ask(Snapshots(cameraID, p, never), signaling.SnapshotRequest{})
	requireCode(t, signaling.CodeSourceLost, err)
}

// In privacy mode nothing is taken, and what was taken a moment ago does not leave.
func TestPrivateCameraGivesNoPicture(t *testing.T) {
	var private *signaling.Error
	p := &pictures{density: 1}
	method := Snapshots(cameraID, p, func() *signaling.Error { return private })
	_, _, err := ask(method, signaling.SnapshotRequest{})
	require.NoError(t, err)
	private = &signaling.Error{Code: signaling.CodePrivate, Message: "Privacy mode is on."}
	_, picture, err := ask(method, signaling.SnapshotRequest{})
	requireCode(t, signaling.CodePrivate, err)
	require.Empty(t, picture)
	require.Len(t, p.asked, 1)

	private = nil
	p.then = func() { private = &signaling.Error{Code: signaling.CodePrivate, Message: "Privacy mode is on."} }
	_, picture, err = ask(method, signaling.SnapshotRequest{Width: 100})
	requireCode(t, signaling.CodePrivate, err)
	require.Empty(t, picture, "it began while the picture was taken")
}

package remote

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const cameraID = "d5tx0bdn8j6hcmav70kg"

// answers is a broker and a camera in one function.
type answers func(ctx context.Context, m mqttclient.Message) (mqttclient.Message, error)

func (f answers) Request(ctx context.Context, m mqttclient.Message) (mqttclient.Message, error) {
	return f(ctx, m)
}

func cameras(f answers) *Cameras {
	return &Cameras{Requests: f, Client: "portal-p1", Now: time.Now}
}

func reply(kind, payload string) answers {
	return func(context.Context, mqttclient.Message) (mqttclient.Message, error) {
		return mqttclient.Message{ContentType: kind, Payload: []byte(payload)}, nil
	}
}

func TestSnapshotRequest(t *testing.T) {
	var sent mqttclient.Message
	c := cameras(func(_ context.Context, m mqttclient.Message) (mqttclient.Message, error) {
		sent = m
		return mqttclient.Message{ContentType: signaling.ContentSealed, Payload: []byte("sealed")}, nil
	})
	got, err := c.Snapshot(t.Context(), cameraID, signaling.SnapshotRequest{Width: 320, Key: []byte{4, 5}})
	require.NoError(t, err)
	require.Equal(t, "sealed", string(got))
	require.Equal(t, mqttclient.Message{
		Topic: "seccam/v1/cameras/" + cameraID + "/rpc/snapshot", ResponseTopic: "seccam/v1/cameras/" + cameraID + "/replies/portal-p1",
		Payload: []byte(`{"v":1,"width":320,"key":"BAU="}`), ContentType: "application/json", Expiry: Timeout,
	}, sent)
}

// A camera that does not know about keys, or does not care, cannot make the portal pass a picture on.
func TestUnsealedPicturesAreNotPassedOn(t *testing.T) {
	for _, kind := range []string{signaling.ContentJPEG, signaling.ContentJSON, "", "text/plain"} {
		got, err := cameras(reply(kind, "\xff\xd8")).Snapshot(t.Context(), cameraID, signaling.SnapshotRequest{Key: []byte{4}})
		require.Error(t, err, kind)
		require.Empty(t, got)
		require.NotContains(t, err.Error(), "\xff\xd8")
	}
}

func TestPrivacyIsStampedWhenItChangesSomething(t *testing.T) {
	var sent []signaling.PrivacyRequest
	c := cameras(func(_ context.Context, m mqttclient.Message) (mqttclient.Message, error) {
		var request signaling.PrivacyRequest
		if err := json.Unmarshal(m.Payload, &request); err != nil {
			t.Error(err)
		}
		sent = append(sent, request)
		return mqttclient.Message{ContentType: signaling.ContentJSON, Payload: []byte(`{"v":1,"settings":{"on":true},"active":true,"text":"x"}`)}, nil
	})
	for range 2 {
		state, err := c.Privacy(t.Context(), cameraID, &signaling.PrivacySettings{On: true})
		require.NoError(t, err)
		require.True(t, state.Active && state.Settings.On)
	}
	_, err := c.Privacy(t.Context(), cameraID, nil)
	require.NoError(t, err)
	require.True(t, signaling.Fresh(sent[0].Seq, time.Now()))
	require.Greater(t, sent[1].Seq, sent[0].Seq)
	require.Zero(t, sent[2].Seq)
	require.Nil(t, sent[2].Settings)
}

func TestErrors(t *testing.T) {
	fail := func(err error) answers {
		return func(context.Context, mqttclient.Message) (mqttclient.Message, error) {
			return mqttclient.Message{}, err
		}
	}
	for name, tc := range map[string]struct {
		camera answers
		want   error
	}{
		"down": {fail(mqttclient.ErrDown), ErrNotSent}, "full": {fail(mqttclient.ErrTooManyCalls), ErrNotSent},
		"lost": {fail(mqttclient.ErrLost), ErrNoAnswer}, "late": {fail(context.DeadlineExceeded), ErrNoAnswer},
	} {
		_, err := cameras(tc.camera).Privacy(t.Context(), cameraID, nil)
		require.ErrorIs(t, err, tc.want, name)
		_, err = cameras(tc.camera).Snapshot(t.Context(), cameraID, signaling.SnapshotRequest{})
		require.ErrorIs(t, err, tc.want, name)
	}
	var refusal *signaling.Error
	_, err := cameras(reply(signaling.ContentJSON, `{"v":1,"error":{"code":"private","message":"`+strings.Repeat("x", 9000)+`"}}`)).
		Snapshot(t.Context(), cameraID, signaling.SnapshotRequest{})
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, signaling.CodePrivate, refusal.Code)
	require.Len(t, refusal.Message, signaling.MaxText)
	for _, payload := range []string{"", "{", `{"v":2,"text":"x"}`, `{"v":1}`, `{"v":1,"settings":{}}`, `[]`, `{"v":1,"active":"yes"}`} {
		_, err := cameras(reply(signaling.ContentJSON, payload)).Privacy(t.Context(), cameraID, nil)
		require.Error(t, err, payload)
		require.False(t, errors.As(err, &refusal), payload)
	}
}

func TestCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := cameras(func(ctx context.Context, _ mqttclient.Message) (mqttclient.Message, error) {
			<-ctx.Done()
			return mqttclient.Message{}, ctx.Err()
		})
		_, err := c.Privacy(t.Context(), cameraID, nil)
		require.ErrorIs(t, err, ErrNoAnswer)
		require.Equal(t, Timeout, time.Since(began))
	})
}

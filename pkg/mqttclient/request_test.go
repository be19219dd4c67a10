package mqttclient_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

var asker = credential.Identity{Role: credential.RolePortal, ID: "p1"}

// answering runs a camera that hands its requests to the test.
func answering(t *testing.T, s *server) (*handle, chan mqttclient.Message) {
	t.Helper()
	requests := make(chan mqttclient.Message, 2000)
	h := start(t, s.url, camera, func(cfg *mqttclient.Config) {
		cfg.Subscriptions = []mqttclient.Subscription{{Filter: signaling.RPCFilter(cameraID)}}
		cfg.OnMessage = func(m mqttclient.Message) { requests <- m }
	})
	next(t, "camera up", h.ups)
	return h, requests
}

// asking runs a portal's client; what nobody waits for comes on the channel.
func asking(t *testing.T, s *server) (*handle, chan mqttclient.Message) {
	t.Helper()
	rest := make(chan mqttclient.Message, 100)
	h := start(t, s.url, asker, func(cfg *mqttclient.Config) {
		cfg.Subscriptions = []mqttclient.Subscription{{Filter: signaling.RepliesFilter(asker.Subject())}}
		cfg.OnMessage = func(m mqttclient.Message) { rest <- m }
	})
	next(t, "asker up", h.ups)
	return h, rest
}

func request(payload string) mqttclient.Message {
	return mqttclient.Message{
		Topic: signaling.RPCTopic(cameraID, "ping"), Payload: []byte(payload),
		ResponseTopic: signaling.ReplyTopic(cameraID, asker.Subject()), ContentType: signaling.ContentJSON,
	}
}

// replyTo is the answer that repeats a request's payload.
func replyTo(m mqttclient.Message) mqttclient.Message {
	return mqttclient.Message{Topic: m.ResponseTopic, Payload: append([]byte("re:"), m.Payload...), Correlation: m.Correlation, ContentType: "text/plain"}
}

func TestRequestAndReplyInAnyOrder(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	c, requests := answering(t, s)
	a, rest := asking(t, s)
	const n = 40
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			answer, err := a.Request(ctx, request(fmt.Sprint(i)))
			if err != nil || string(answer.Payload) != fmt.Sprint("re:", i) || answer.ContentType != "text/plain" {
				t.Errorf("request %d: %+v %v", i, answer, err)
			}
		})
	}
	var all []mqttclient.Message
	for range n {
		m := next(t, "request", requests)
		require.Equal(t, signaling.ContentJSON, m.ContentType)
		require.Len(t, m.Correlation, 26, "128 random bits")
		all = append(all, m)
	}
	for i := range all { // the last one first
		require.NoError(t, c.Publish(t.Context(), replyTo(all[n-1-i])))
	}
	group.Wait()
	require.Empty(t, rest)
}

// What is no reply, of another topic or too late is a message like any other.
func TestRepliesThatNobodyWaitsFor(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	c, requests := answering(t, s)
	a, rest := asking(t, s)
	ctx, giveUp := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := a.Request(ctx, request("x"))
		failed <- err
	}()
	m := next(t, "request", requests)
	wrong := replyTo(m)
	wrong.Correlation = []byte(strings.Repeat("A", 26))
	require.NoError(t, c.Publish(t.Context(), wrong))
	require.Equal(t, wrong.Correlation, next(t, "the wrong reply", rest).Correlation)
	giveUp()
	require.ErrorIs(t, next(t, "end of the request", failed), context.Canceled)
	for range 2 {
		require.NoError(t, c.Publish(t.Context(), replyTo(m)))
		require.Equal(t, m.Correlation, next(t, "the late reply", rest).Correlation)
	}
}

// Another camera cannot answer in a camera's place, though it knew the Correlation Data.
func TestReplyOfAnotherCamera(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	c, requests := answering(t, s)
	other := credential.Identity{Role: credential.RoleCamera, ID: strings.Repeat("b", 20)}
	thief := start(t, s.url, other, nil)
	next(t, "the other camera", thief.ups)
	a, rest := asking(t, s)
	answered := make(chan mqttclient.Message, 1)
	go func() {
		m, err := a.Request(t.Context(), request("x"))
		if err == nil {
			answered <- m
		}
	}()
	m := next(t, "request", requests)
	forged := replyTo(m)
	forged.Topic = signaling.ReplyTopic(other.ID, asker.Subject())
	require.NoError(t, thief.Publish(t.Context(), forged))
	require.Equal(t, forged.Topic, next(t, "the forged reply", rest).Topic)
	require.NoError(t, c.Publish(t.Context(), replyTo(m)))
	require.Equal(t, m.ResponseTopic, next(t, "the reply", answered).Topic)
}

func TestRequestsEndWithTheConnection(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	_, requests := answering(t, s)
	a, _ := asking(t, s)
	failed := make(chan error, 1)
	go func() {
		_, err := a.Request(t.Context(), request("x"))
		failed <- err
	}()
	next(t, "request", requests)
	require.Equal(t, 1, s.Disconnect(asker.Subject()))
	require.ErrorIs(t, next(t, "end of the request", failed), mqttclient.ErrLost)
	a.stop()
	_, err := a.Request(t.Context(), request("x"))
	require.ErrorIs(t, err, mqttclient.ErrDown)
}

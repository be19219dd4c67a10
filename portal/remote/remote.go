// Package remote calls the methods of connected cameras, for people whose right to do so was checked.
// A call is one request and one reply by MQTT; see package signaling.
package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// Timeout is how long a call may take: a camera that rests has to start for a picture.
const Timeout = 8 * time.Second

// Errors of a call, besides the camera's refusal, which is a [signaling.Error].
var (
	// ErrNoAnswer means that the camera may or may not have done what was asked.
	ErrNoAnswer = errors.New("the camera did not answer")
	// ErrNotSent means that the camera was not asked.
	ErrNotSent = errors.New("the portal cannot reach its broker at the moment")
)

// Requester sends a request and waits for its reply; see [mqttclient.Client.Request].
type Requester interface {
	Request(ctx context.Context, m mqttclient.Message) (mqttclient.Message, error)
}

// Cameras calls cameras. All fields are required but stamps.
type Cameras struct {
	Requests Requester
	Client   string // the portal's own name on reply topics: its token's subject
	Now      func() time.Time

	stamps signaling.Stamper
}

// Snapshot takes a picture, sealed for the owner of request.Key, which must be set. What comes back
// unsealed is not returned.
func (c *Cameras) Snapshot(ctx context.Context, camera string, request signaling.SnapshotRequest) ([]byte, error) {
	request.V = signaling.Version
	reply, err := c.call(ctx, camera, signaling.MethodSnapshot, request)
	if err != nil {
		return nil, err
	}
	if reply.ContentType != signaling.ContentSealed {
		return nil, fmt.Errorf("camera %s answered with %.64q instead of a sealed picture", camera, reply.ContentType)
	}
	return reply.Payload, nil
}

// Privacy returns the privacy settings and what they mean now, after setting them unless settings is
// nil.
func (c *Cameras) Privacy(ctx context.Context, camera string, settings *signaling.PrivacySettings) (signaling.PrivacyReply, error) {
	request := signaling.PrivacyRequest{V: signaling.Version, Settings: settings}
	if settings != nil {
		request.Seq = c.stamps.Next(c.Now())
	}
	var state signaling.PrivacyReply
	reply, err := c.call(ctx, camera, signaling.MethodPrivacy, request)
	if err != nil {
		return state, err
	}
	if err := json.Unmarshal(reply.Payload, &state); err != nil || state.V != signaling.Version || state.Text == "" {
		return signaling.PrivacyReply{}, fmt.Errorf("camera %s answered what are no privacy settings of version %d (%v)", camera, signaling.Version, err)
	}
	return state, nil
}

func (c *Cameras) call(ctx context.Context, camera, method string, request any) (mqttclient.Message, error) {
	payload, err := json.Marshal(request)
	if err != nil {
		return mqttclient.Message{}, fmt.Errorf("call %s: %w", method, err)
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	reply, err := c.Requests.Request(ctx, mqttclient.Message{
		Topic: signaling.RPCTopic(camera, method), Payload: payload, Expiry: Timeout,
		ResponseTopic: signaling.ReplyTopic(camera, c.Client), ContentType: signaling.ContentJSON,
	})
	switch {
	case errors.Is(err, mqttclient.ErrDown), errors.Is(err, mqttclient.ErrTooManyCalls):
		return reply, fmt.Errorf("%w: %w", ErrNotSent, err)
	case err != nil:
		return reply, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return reply, refusalOf(reply)
}

// refusalOf returns the error in a reply, nil if there is none.
func refusalOf(reply mqttclient.Message) error {
	var answer signaling.ErrorReply
	if reply.ContentType != signaling.ContentJSON || json.Unmarshal(reply.Payload, &answer) != nil || answer.Error == nil {
		return nil
	}
	if len(answer.Error.Message) > signaling.MaxText {
		answer.Error.Message = answer.Error.Message[:signaling.MaxText]
	}
	return answer.Error
}

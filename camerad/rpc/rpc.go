// Package rpc answers the requests that come to a camera by MQTT (MQTT 5, 4.10): the method is the
// last level of the topic, the reply goes to the request's Response Topic with its Correlation Data.
//
//	Deliver ─▶ Server ─▶ one queue and one goroutine per method ─▶ Method ─▶ Publish
//
// So a method runs once at a time, and a slow one (a camera that has to start) keeps no other waiting.
// Who may call what is the broker's to decide, by the tokens' rules; see package credential.
package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// Limits.
const (
	queueSize     = 16              // requests that wait, per method
	methodTimeout = 6 * time.Second // the portal waits a little longer
	replyExpiry   = 10 * time.Second
)

// Method handles one request, a JSON object whose version was checked. It returns the reply's content
// type, one of the signaling.Content constants, and its payload. An error that is a [signaling.Error]
// goes to the asker as it is; the words of any other go to the log only.
type Method func(ctx context.Context, request []byte) (contentType string, reply []byte, err error)

// Server runs a camera's methods.
type Server struct {
	camera  string
	publish func(mqttclient.Message)
	log     *slog.Logger
	queues  map[string]chan call
	methods map[string]Method
}

// call is a request that waits.
type call struct {
	mqttclient.Message
	method string
}

// New returns a server of a camera's methods, by name. publish sends a reply and must not block.
func New(camera string, methods map[string]Method, publish func(mqttclient.Message), log *slog.Logger) *Server {
	s := &Server{camera: camera, publish: publish, log: log, methods: methods, queues: map[string]chan call{}}
	for name := range methods {
		s.queues[name] = make(chan call, queueSize)
	}
	return s
}

// Run answers requests until ctx ends, and returns when no method runs any more.
func (s *Server) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for name, queue := range s.queues {
		running.Go(func() { s.serve(ctx, s.methods[name], queue) })
	}
	running.Wait()
	return nil
}

func (s *Server) serve(ctx context.Context, method Method, queue <-chan call) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-queue:
			kind, reply, err := s.run(ctx, method, c)
			s.answer(c, kind, reply, err)
		}
	}
}

// Deliver hands over a request as it came. It does not block: what finds its method's queue full is
// refused. A request that cannot be answered, or that the broker kept, is dropped.
func (s *Server) Deliver(m mqttclient.Message) {
	topic, err := signaling.ParseTopic(m.Topic)
	if err != nil || topic.Kind != signaling.KindRPC || topic.Camera != s.camera || m.Retain || !s.answerable(m) {
		s.log.Debug("request dropped: it cannot be answered", "topic", m.Topic, "response_topic", m.ResponseTopic)
		return
	}
	c := call{m, topic.Name}
	queue, known := s.queues[c.method]
	if !known {
		s.answer(c, "", nil, &signaling.Error{Code: signaling.CodeMethod, Message: "This camera has no such method. An update of camerad may bring it."})
		return
	}
	if err := check(m.Payload); err != nil {
		s.answer(c, "", nil, err)
		return
	}
	select {
	case queue <- c:
	default:
		s.answer(c, "", nil, &signaling.Error{Code: signaling.CodeRateLimited, Message: "Too many requests at once. Try again in a moment.", RetryAfter: 1})
	}
}

// answerable reports whether the reply would go to a topic of this camera's replies: it answers nowhere
// else, whatever a request says.
func (s *Server) answerable(m mqttclient.Message) bool {
	topic, err := signaling.ParseTopic(m.ResponseTopic)
	return err == nil && topic.Kind == signaling.KindReply && topic.Camera == s.camera && len(m.Correlation) <= signaling.MaxCorrelation
}

// check refuses what is no request, before anything is done for it.
func check(payload []byte) error {
	var head struct {
		V *int `json:"v"`
	}
	switch {
	case len(payload) > signaling.MaxRequest:
		return &signaling.Error{Code: signaling.CodeBadMessage, Message: fmt.Sprintf("The request is over %d bytes. Send less.", signaling.MaxRequest)}
	case json.Unmarshal(payload, &head) != nil || head.V == nil:
		return &signaling.Error{Code: signaling.CodeBadMessage, Message: `The request is no JSON object with a version. Send {"v":1} and what the method needs.`}
	case *head.V != signaling.Version:
		return &signaling.Error{Code: signaling.CodeVersion, Message: fmt.Sprintf("The camera speaks version %d only. Update what asks, or camerad.", signaling.Version)}
	}
	return nil
}

// run calls the method; a panic in it fails this request only.
func (s *Server) run(ctx context.Context, method Method, c call) (kind string, reply []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, methodTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if kind, reply, err = method(ctx, c.Payload); err == nil && len(reply) > signaling.MaxReply {
		err = fmt.Errorf("the reply has %d bytes, at most %d", len(reply), signaling.MaxReply)
	}
	return kind, reply, err
}

// answer publishes the one reply to a request.
func (s *Server) answer(c call, kind string, reply []byte, err error) {
	if err != nil {
		kind, reply = signaling.ContentJSON, s.refusal(c.method, err)
	}
	s.publish(mqttclient.Message{
		Topic: c.ResponseTopic, Payload: reply, Correlation: c.Correlation, ContentType: kind, Expiry: replyExpiry,
	})
}

func (s *Server) refusal(method string, err error) []byte {
	var told *signaling.Error
	if errors.As(err, &told) {
		s.log.Debug("request refused", "method", method, "code", told.Code)
	} else {
		s.log.Error("request failed", "method", method, "error", err)
		told = &signaling.Error{Code: signaling.CodeInternal, Message: "The camera could not do this; its log says why. Nothing was changed. Try again.", RetryAfter: 5}
	}
	data, err := json.Marshal(signaling.ErrorReply{V: signaling.Version, Error: told})
	if err != nil {
		panic("rpc: an ErrorReply has no field that cannot be marshalled: " + err.Error())
	}
	return data
}

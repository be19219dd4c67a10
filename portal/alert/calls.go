package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"seccam/portal/store"
)

const (
	pollInterval = 2 * time.Second
	batch        = 20              // calls at once
	lease        = 3 * callTimeout // after which another portal takes a call of one that died
)

// retries are how long to wait after each failure; after the last one a call is given up.
var retries = []time.Duration{
	10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// Run makes calls until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case camera := <-s.refused:
			if err := s.tellOfClaim(ctx, camera); err != nil && ctx.Err() == nil {
				s.Log.Error("webhooks: claim attempt", "camera", camera, "error", err)
			}
		case <-ticker.C:
			if err := s.callAll(ctx); err != nil && ctx.Err() == nil {
				s.Log.Error("webhooks", "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// callAll makes the calls whose time has come.
func (s *Service) callAll(ctx context.Context) error {
	calls, err := s.Store.TakeCalls(ctx, batch, lease)
	var all errgroup.Group
	for i := range calls {
		all.Go(func() error { return s.call(ctx, &calls[i]) })
	}
	return errors.Join(err, all.Wait())
}

func (s *Service) call(ctx context.Context, call *store.WebhookCall) error {
	hook, err := s.Store.WebhookByID(ctx, call.WebhookID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // removed, and the call with it
	}
	if err != nil {
		return err
	}
	failure := s.post(ctx, hook, call)
	if ctx.Err() != nil {
		return nil // the portal is stopping; the lease ends
	}
	result := "ok"
	defer func() { s.results.WithLabelValues(result).Inc() }()
	var next time.Time
	if failure != "" {
		result = "given_up"
		s.Log.Warn("webhook failed", "webhook", hook.ID, "attempt", call.Attempts, "why", failure)
		if call.Attempts <= len(retries) {
			result, next = "failed", s.Now().Add(retries[call.Attempts-1])
		}
	}
	return s.Store.EndCall(ctx, call, failure, next)
}

// post makes one call and says in words how it went wrong, "" if it did not. What the server answered is
// not for the owner: it could be that of a machine that only the portal reaches.
func (s *Service) post(ctx context.Context, hook *store.Webhook, call *store.WebhookCall) (failure string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(call.Body))
	if err != nil {
		return "The address cannot be called."
	}
	at := strconv.FormatInt(s.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "SecCam")
	req.Header.Set("Webhook-Id", call.ID)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", "v1,"+sign(s.key(hook.ID), call.ID, at, call.Body))
	resp, err := s.client.Do(req)
	switch {
	case errors.Is(err, ErrInternal):
		return "The address is not on the Internet. The portal calls no machine in its own network."
	case err != nil:
		return "The address did not answer."
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Sprintf("The address answered %d in place of 200.", resp.StatusCode)
	}
	return ""
}

// sign returns the signature of a call (Standard Webhooks, "symmetric").
func sign(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

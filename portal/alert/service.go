package alert

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seccam/pkg/credential"
	"seccam/portal/account"
	"seccam/portal/store"
)

// MaxWebhooks is how many an account may have.
const MaxWebhooks = 10

// FieldURL is the field of a webhook's address.
const FieldURL = "url"

// Config is what a [Service] needs.
type Config struct {
	Store  *store.Store
	Master credential.Secret // that the keys of signatures are derived from
	Allow  []netip.Prefix    // networks that may be called though they are not the Internet
	Now    func() time.Time
	Log    *slog.Logger
}

// refusalsWaiting bounds the refused claims that wait to be told of; while a flood of them comes, some are not.
const refusalsWaiting = 256

// Service keeps webhooks and calls them.
type Service struct {
	Config
	client  *http.Client
	results *prometheus.CounterVec // of calls
	refused chan string            // cameras
}

// New returns a service that calls nobody until [Service.Run].
func New(cfg Config) *Service {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "seccam_webhook_calls_total", Help: "Calls of webhooks: that went well, that failed and are made again, and that were given up.",
	}, []string{"result"})
	for _, result := range []string{"ok", "failed", "given_up"} {
		results.WithLabelValues(result) // a rate needs the zero that it began with
	}
	return &Service{Config: cfg, client: newClient(cfg.Allow), results: results, refused: make(chan string, refusalsWaiting)}
}

// Figures are of the calls, for Prometheus.
func (s *Service) Figures() prometheus.Collector { return s.results }

// secretPurpose separates the keys of signatures from all else that the master key is for.
const secretPurpose = "seccam webhook v1|"

// Secret is what a webhook's calls are signed with, as the Standard Webhooks specification writes it.
func (s *Service) Secret(id string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(s.key(id))
}

func (s *Service) key(id string) []byte {
	key := s.Master.Derive(secretPurpose + id)
	return key.Bytes()
}

// Add adds a webhook. Failures are account.FieldErrors.
func (s *Service) Add(ctx context.Context, userID int64, address string) (*store.Webhook, error) {
	address = strings.TrimSpace(address)
	if wrong := checkURL(address, s.Allow); wrong != "" {
		return nil, account.FieldErrors{FieldURL: wrong}
	}
	hook := &store.Webhook{ID: strings.ToLower(rand.Text()[:12]), UserID: userID, URL: address}
	err := s.Store.AddWebhook(ctx, hook, MaxWebhooks)
	if errors.Is(err, store.ErrTooMany) {
		return nil, account.FieldErrors{FieldURL: fmt.Sprintf("You have %d already. Remove one that is not used any more.", MaxWebhooks)}
	}
	if err != nil {
		return nil, fmt.Errorf("add webhook: %w", err)
	}
	s.Log.Info("webhook added", "user", userID, "webhook", hook.ID)
	return hook, nil
}

// List returns a user's webhooks.
func (s *Service) List(ctx context.Context, userID int64) ([]store.Webhook, error) {
	return s.Store.Webhooks(ctx, userID)
}

// Remove removes one of a user's webhooks, else it is store.ErrNotFound.
func (s *Service) Remove(ctx context.Context, userID int64, id string) error {
	if err := s.Store.DeleteWebhook(ctx, userID, id); err != nil {
		return err
	}
	s.Log.Info("webhook removed", "user", userID, "webhook", id)
	return nil
}

// Try calls one of a user's webhooks once, now, and says in words how that went wrong, "" if it did not.
func (s *Service) Try(ctx context.Context, userID int64, id string) (failure string, err error) {
	hook, err := s.Store.Webhook(ctx, userID, id)
	if err != nil {
		return "", err
	}
	call, err := s.prepare(hook, Event{Type: Test, Data: Data{Text: "This is a test. Calls arrive."}})
	if err != nil {
		return "", err
	}
	failure = s.post(ctx, hook, &call)
	return failure, s.Store.EndCall(ctx, &call, failure, time.Time{})
}

// ClaimRefused tells a camera's owner, if it has one, that somebody tried to claim it. It does not block, and does
// its work later: how long it takes must not tell whether the camera has an owner.
func (s *Service) ClaimRefused(cameraID string) {
	select {
	case s.refused <- cameraID:
	default:
	}
}

func (s *Service) tellOfClaim(ctx context.Context, cameraID string) error {
	calls, err := s.calls(ctx, cameraID, ClaimAttempt, "Somebody tried to claim the camera. It was refused; the camera stays yours.")
	if err != nil {
		return err
	}
	return s.Store.QueueCalls(ctx, calls)
}

// Offline tells a camera's owner that it is offline, unless they were told, by whichever portal.
func (s *Service) Offline(ctx context.Context, cameraID, text string) error {
	calls, err := s.calls(ctx, cameraID, CameraOffline, text)
	if err != nil {
		return err
	}
	first, err := s.Store.RaiseAlert(ctx, cameraID, calls)
	if first {
		s.Log.Info("camera is offline", "camera", cameraID)
	}
	return err
}

// Online tells a camera's owner that it is back, if they were told that it was offline.
func (s *Service) Online(ctx context.Context, cameraID string) error {
	calls, err := s.calls(ctx, cameraID, CameraOnline, "The camera is online again.")
	if err != nil {
		return err
	}
	first, err := s.Store.EndAlert(ctx, cameraID, calls)
	if first {
		s.Log.Info("camera is back", "camera", cameraID)
	}
	return err
}

// Told lists the cameras whose owners were told that they are offline.
func (s *Service) Told(ctx context.Context) ([]string, error) { return s.Store.Alerts(ctx) }

// calls are those of a camera's owner's webhooks; none for a camera that nobody owns, or that is none.
func (s *Service) calls(ctx context.Context, cameraID string, kind Kind, text string) ([]store.WebhookCall, error) {
	camera, err := s.Store.CameraByID(ctx, cameraID)
	if errors.Is(err, store.ErrNotFound) || err == nil && camera.OwnerID == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	hooks, err := s.Store.Webhooks(ctx, *camera.OwnerID)
	if err != nil {
		return nil, err
	}
	calls := make([]store.WebhookCall, len(hooks))
	for i := range hooks {
		if calls[i], err = s.prepare(&hooks[i], Event{Type: kind, Data: Data{CameraID: cameraID, Camera: camera.Name, Text: text}}); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

func (s *Service) prepare(hook *store.Webhook, event Event) (store.WebhookCall, error) {
	event.Timestamp = s.Now().UTC()
	body, err := event.encode()
	if err != nil {
		return store.WebhookCall{}, fmt.Errorf("alert: %w", err)
	}
	return store.WebhookCall{ID: "msg_" + strings.ToLower(rand.Text()), WebhookID: hook.ID, Body: body}, nil
}

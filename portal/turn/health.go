package turn

import (
	"log/slog"
	"sync"
	"time"
)

// notAsked is the error of a service that was not asked yet.
const notAsked = "not asked yet"

// Status says how a provider does, for health reports and metrics.
type Status struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Since is when OK became what it is.
	Since time.Time `json:"since"`
	// Error says why the provider is not OK. It holds no secret.
	Error string `json:"error,omitempty"`
	// Expires is when the answer in use ends; zero if there is none or it does not end.
	Expires time.Time `json:"expires,omitzero"`
}

// health keeps a provider's status. A change is logged, what repeats it is not.
type health struct {
	log *slog.Logger

	mu     sync.Mutex
	status Status
}

func newHealth(status Status, log *slog.Logger) *health {
	status.Since = time.Now()
	return &health{status: status, log: log.With("provider", status.Name)}
}

// report takes the outcome of one attempt. After an error, the answer before stays in use until it expires.
func (h *health) report(err error, expires time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.status
	if h.status.OK = err == nil; h.status.OK != before.OK {
		h.status.Since = time.Now()
	}
	if err == nil {
		h.status.Error, h.status.Expires = "", expires
		if !before.OK {
			h.log.Info("ICE provider answers")
		}
		return
	}
	h.status.Error = err.Error()
	if before.OK || before.Error == notAsked {
		args := []any{"error", err}
		if !before.Expires.IsZero() {
			args = append(args, "answer_in_use_until", before.Expires)
		}
		h.log.Warn("ICE provider fails", args...)
	}
}

func (h *health) get() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}

package web

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/remote"
	"seccam/portal/store"
)

// maxAsking is how many requests to cameras one account may have on their way at once.
const maxAsking = 4

// asking counts the requests to cameras that are on their way, by account. Its zero value has none.
type asking struct {
	mu   sync.Mutex
	busy map[int64]int
}

// begin counts one more. Its caller calls done when the request is over.
func (a *asking) begin(userID int64) (done func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[userID] >= maxAsking {
		return nil, throttled{time.Second}
	}
	if a.busy == nil {
		a.busy = map[int64]int{}
	}
	a.busy[userID]++
	return func() { a.end(userID) }, nil
}

func (a *asking) end(userID int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[userID]--; a.busy[userID] == 0 {
		delete(a.busy, userID)
	}
}

// askCamera lets a request to an online camera through: not too many of one account, and none to a
// camera that cannot answer. lost says what that means for what the person wanted.
func (s *server) askCamera(c echo.Context, user *store.User, camera *store.Camera, lost string) (done func(), err error) {
	if err := s.throttle(c, s.limits.call, strconv.FormatInt(user.ID, 10)); err != nil {
		return nil, err
	}
	if presence := s.Presence.Of(camera.ID); !presence.Online {
		return nil, conflict("camera-offline", "The camera is offline", presence.Text+". "+lost)
	}
	return s.asking.begin(user.ID)
}

func conflict(code, title, detail string) problem {
	return problem{Type: problemURN + code, Title: title, Status: http.StatusConflict, Detail: detail}
}

// cameraProblem puts what went wrong with a request to a camera into an answer. unsure says what it
// means for what the person wanted if the camera may have heard the request.
func cameraProblem(err error, unsure string) error {
	var refusal *signaling.Error
	switch {
	case errors.As(err, &refusal):
		return refused(refusal)
	case errors.Is(err, remote.ErrNoAnswer):
		return problem{Type: problemURN + "no-answer", Title: "The camera did not answer", Status: http.StatusGatewayTimeout, Detail: unsure}
	case errors.Is(err, remote.ErrNotSent):
		return problem{Type: problemURN + "not-connected", Title: "The portal is reconnecting", Status: http.StatusServiceUnavailable,
			Detail: "The portal cannot reach its cameras at the moment; nothing was changed. Try again shortly."}
	}
	return err
}

func refused(refusal *signaling.Error) error {
	switch refusal.Code {
	case signaling.CodePrivate:
		return conflict("camera-private", "Privacy mode is on", refusal.Message)
	case signaling.CodeUnpaired:
		return conflict("only-paired-devices", "Only paired devices may watch", refusal.Message)
	case signaling.CodeSourceLost:
		return conflict("no-picture", "The camera has no picture", refusal.Message)
	case signaling.CodeRateLimited, signaling.CodeBusy:
		return throttled{time.Duration(refusal.RetryAfter) * time.Second}
	case signaling.CodeInternal:
		return problem{Type: problemURN + "camera-failed", Title: "The camera could not do it", Status: http.StatusBadGateway, Detail: refusal.Message}
	}
	return conflict("camera-refused", "The camera refused it", refusal.Message)
}

// answerFor checks at the last moment that this person still may see the camera: it may have changed hands,
// or its share may have ended, while it was asked.
func (s *server) answerFor(c echo.Context, user *store.User, camera *store.Camera) error {
	_, err := s.Accounts.Access(c.Request().Context(), user.ID, camera.ID)
	return err
}

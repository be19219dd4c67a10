package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/alert"
	"seccam/portal/store"
)

// Alerts calls addresses of a person's when something happens to their cameras.
type Alerts interface {
	Add(ctx context.Context, userID int64, address string) (*store.Webhook, error)
	List(ctx context.Context, userID int64) ([]store.Webhook, error)
	Remove(ctx context.Context, userID int64, id string) error
	// Try calls one at once and says in words how that went wrong, "" if it did not.
	Try(ctx context.Context, userID int64, id string) (failure string, err error)
	// Secret is what its calls are signed with.
	Secret(id string) string
}

// webhookBody is a webhook as the API shows it to its owner.
type webhookBody struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	Secret    string     `json:"secret"`
	CreatedAt time.Time  `json:"created_at"`
	LastAt    *time.Time `json:"last_at,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

func (s *server) webhookBody(hook *store.Webhook) webhookBody {
	return webhookBody{hook.ID, hook.URL, s.Alerts.Secret(hook.ID), hook.CreatedAt.UTC(), hook.LastAt, hook.LastError}
}

func (s *server) webhookBodies(c echo.Context, user *store.User) ([]webhookBody, error) {
	hooks, err := s.Alerts.List(c.Request().Context(), user.ID)
	bodies := make([]webhookBody, len(hooks))
	for i := range hooks {
		bodies[i] = s.webhookBody(&hooks[i])
	}
	return bodies, err
}

func (s *server) apiWebhooks(c echo.Context, user *store.User) error {
	bodies, err := s.webhookBodies(c, user)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"webhooks": bodies})
}

func (s *server) apiAddWebhook(c echo.Context, user *store.User) error {
	body, err := decode[struct {
		URL string `json:"url"`
	}](c)
	if err != nil {
		return err
	}
	hook, err := s.Alerts.Add(c.Request().Context(), user.ID, body.URL)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.webhookBody(hook))
}

func (s *server) apiRemoveWebhook(c echo.Context, user *store.User) error {
	if err := s.Alerts.Remove(c.Request().Context(), user.ID, c.Param("webhook")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// apiTryWebhook answers 200 also when the call failed: the request did what it was to do.
func (s *server) apiTryWebhook(c echo.Context, user *store.User) error {
	failure, err := s.tryWebhook(c, user)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"arrived": failure == "", "error": failure})
}

// tryWebhook is throttled, so that nobody makes the portal call somebody else over and over.
func (s *server) tryWebhook(c echo.Context, user *store.User) (failure string, err error) {
	if err := s.throttle(c, s.limits.webhook, strconv.FormatInt(user.ID, 10)); err != nil {
		return "", err
	}
	return s.Alerts.Try(c.Request().Context(), user.ID, c.Param("webhook"))
}

// alertsView is the page about alerts.
type alertsView struct {
	Webhooks []webhookBody
	Form     filledForm
}

func (s *server) alertsPage(c echo.Context, user *store.User) error {
	return s.renderAlerts(c, http.StatusOK, user, newForm(url.Values{}, alert.FieldURL))
}

func (s *server) renderAlerts(c echo.Context, status int, user *store.User, f filledForm) error {
	bodies, err := s.webhookBodies(c, user)
	if err != nil {
		return err
	}
	return s.render(c, status, "alerts", view{Title: "Alerts", User: user, Script: "alerts.js", Data: alertsView{bodies, f}})
}

func (s *server) addWebhook(c echo.Context, user *store.User) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	_, err = s.Alerts.Add(c.Request().Context(), user.ID, values.Get(alert.FieldURL))
	if err != nil {
		f, status, ok := newForm(values, alert.FieldURL).withError(err)
		if !ok {
			return err
		}
		return s.renderAlerts(c, status, user, f)
	}
	return seeOther(c, "/account/alerts?done=webhook-added")
}

func (s *server) removeWebhook(c echo.Context, user *store.User) error {
	if err := s.Alerts.Remove(c.Request().Context(), user.ID, c.Param("webhook")); err != nil {
		return err
	}
	return seeOther(c, "/account/alerts?done=webhook-removed")
}

// tryWebhookPage shows how it went beside the address, as for every call.
func (s *server) tryWebhookPage(c echo.Context, user *store.User) error {
	failure, err := s.tryWebhook(c, user)
	if err != nil {
		return err
	}
	if failure != "" {
		return seeOther(c, "/account/alerts")
	}
	return seeOther(c, "/account/alerts?done=webhook-called")
}

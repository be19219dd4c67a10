package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/configure"
	"seccam/portal/store"
)

// configValues is what a program sets: all that is to differ from the camera's configuration file.
type configValues struct {
	Values map[string]any `json:"values"`
}

// configBody is how a camera is to be set from afar, and how it says that it is.
type configBody struct {
	Revision uint64                    `json:"revision"`
	Desired  map[string]any            `json:"desired"`
	Outcome  configure.Outcome         `json:"outcome"`
	Text     string                    `json:"text"`
	Reported *signaling.ConfigReported `json:"reported,omitempty"`
}

var outcomeTexts = map[configure.Outcome]string{
	configure.Unset:   "Nothing is set from afar: the camera is as its own configuration file says.",
	configure.Pending: "The camera has not applied it yet. If it is offline, it does when it is back.",
	configure.Applied: "The camera has applied it.",
	configure.Refused: "The camera has refused it, for the reasons in reported.refused, and is as it was.",
	configure.Changed: "The camera was set in another way since, such as by an MQTT tool; see reported.set.",
}

func newConfigBody(state configure.State) configBody {
	outcome := state.Outcome()
	return configBody{Revision: state.Revision, Desired: state.Desired, Outcome: outcome, Text: outcomeTexts[outcome], Reported: state.Reported}
}

// apiConfig needs no camera: what it last said is known.
func (s *server) apiConfig(c echo.Context, _ *store.User, camera *store.Camera) error {
	state, err := s.Configs.State(c.Request().Context(), camera.ID)
	if err != nil {
		return err
	}
	return answerConfig(c, state)
}

// answerConfig says with the ETag what a program has to name to set the camera only if nobody else has meanwhile.
func answerConfig(c echo.Context, state configure.State) error {
	c.Response().Header().Set("ETag", configTag(state.Latest()))
	return c.JSON(http.StatusOK, newConfigBody(state))
}

func configTag(revision uint64) string { return strconv.Quote(strconv.FormatUint(revision, 10)) }

// seenRevision is what a program names in If-Match, nil if it does not mind. What is no tag of ours was never there.
func seenRevision(c echo.Context) *uint64 {
	tag := c.Request().Header.Get("If-Match")
	if tag == "" || tag == "*" {
		return nil
	}
	revision, err := strconv.ParseUint(strings.Trim(tag, `"`), 10, 64)
	if err != nil || configTag(revision) != tag {
		revision = math.MaxUint64
	}
	return &revision
}

func (s *server) apiSetConfig(c echo.Context, user *store.User, camera *store.Camera) error {
	body, err := decode[configValues](c)
	if err != nil {
		return err
	}
	if body.Values == nil {
		return account.FieldErrors{"values": "Say what is to be set, or {} for nothing."}
	}
	state, err := s.setConfig(c, user, camera, seenRevision(c), body.Values)
	var problems configure.Problems
	if errors.As(err, &problems) {
		wrong := account.FieldErrors{}
		for key, text := range problems {
			wrong["values."+key] = text
		}
		return wrong
	}
	if err != nil {
		return err
	}
	return answerConfig(c, state)
}

// setConfig is the setting itself, of the page and of the API.
func (s *server) setConfig(c echo.Context, user *store.User, camera *store.Camera, seen *uint64, values map[string]any) (configure.State, error) {
	state, err := s.Configs.Set(c.Request().Context(), user.ID, camera.ID, seen, values)
	if err == nil {
		s.Accounts.Record(c.Request().Context(), user.ID, camera.ID, account.AuditConfig, "")
	}
	return state, err
}

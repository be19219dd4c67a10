package web

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/signaling"
	"seccam/portal/configure"
	"seccam/portal/store"
)

// fieldSeen is the revision that the form was filled from.
const fieldSeen = "seen"

// configState is how a camera is to be set and how it says that it is, for people.
type configState struct {
	Outcome    configure.Outcome
	Tone, Icon string // of the banner
	Text       string
	Rows       []configRow
	Reasons    []configReason
	Latest     uint64
	// SetAt, AppliedAt and RefusedAt are when those revisions were made, nil if there is none.
	SetAt, AppliedAt, RefusedAt *time.Time
}

// configRow is one key, side by side.
type configRow struct {
	Label       string
	Now, Wanted string // "" if not known, and if it is as the camera's own file says
	Differs     bool
}

// configReason is why something was refused; one about the whole has no label.
type configReason struct{ Label, Text string }

// configView is the page.
type configView struct {
	Camera   *store.Camera
	Presence signaling.Presence
	State    configState
	Form     filledForm
	Fields   []configField
	Seen     uint64
	Stale    bool // what was typed is not saved, since somebody else has saved
}

// configField is one key in the form.
type configField struct {
	fieldView
	Key   signaling.ConfigKey
	Other string // what somebody else has set meanwhile, if that is something else
}

// Kind is how the field is typed.
func (f configField) Kind() string {
	switch {
	case f.Key.Options != nil:
		return "choice"
	case f.Key.Longest > 0 || f.Key.Per > 1:
		return "decimal"
	}
	return "numeric"
}

func (s *server) configPage(c echo.Context, user *store.User, camera *store.Camera) error {
	state, err := s.Configs.State(c.Request().Context(), camera.ID)
	if err != nil {
		return err
	}
	form := newForm(nil)
	for name, value := range state.Wanted() {
		if key, known := signaling.FindConfigKey(name); known {
			form.Values.Set(name, showConfig(key, value))
		}
	}
	return s.renderConfig(c, http.StatusOK, user, s.configView(camera, state, form))
}

func (s *server) saveConfig(c echo.Context, user *store.User, camera *store.Camera) error {
	typed, err := form(c)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseUint(typed.Get(fieldSeen), 10, 64)
	if err != nil {
		return errBadForm
	}
	values, wrong := readConfig(typed)
	stale := false
	if wrong == nil {
		_, err = s.setConfig(c, user, camera, &seen, values)
		if err == nil {
			return seeOther(c, "/cameras/"+camera.ID+"/config")
		}
		if stale = errors.Is(err, configure.ErrChanged) || errors.Is(err, configure.ErrOutdated); !stale {
			return err
		}
	}
	state, err := s.Configs.State(c.Request().Context(), camera.ID)
	if err != nil {
		return err
	}
	f := newForm(typed, configNames()...)
	f.Errors = wrong
	v, status := s.configView(camera, state, f), http.StatusUnprocessableEntity
	if v.Stale = stale || seen != v.Seen; v.Stale {
		status = http.StatusConflict
		v.compare(state)
	}
	return s.renderConfig(c, status, user, v)
}

func configNames() (names []string) {
	for _, key := range signaling.ConfigKeys {
		names = append(names, key.Name)
	}
	return names
}

func (s *server) renderConfig(c echo.Context, status int, user *store.User, v configView) error {
	return s.render(c, status, "config", view{
		Title: "Picture and limits of " + cameraName(*v.Camera), User: user, Script: "config.js",
		Modules: []string{"presence.js", "signal.js", "time.js"}, Data: v,
	})
}

func (s *server) configView(camera *store.Camera, state configure.State, f filledForm) configView {
	presence := s.Presence.Of(camera.ID)
	v := configView{Camera: camera, Presence: presence, State: newConfigState(state, presence.Online), Form: f, Seen: state.Latest()}
	for _, key := range takenKeys(state) {
		label := key.Label
		if unit := configUnit(key); unit != "" {
			label += " (" + unit + ")"
		}
		v.Fields = append(v.Fields, configField{fieldView: newField(f, key.Name, label, configHint(key, state), "off", ""), Key: key})
	}
	return v
}

// configHint says what a field takes, and what is in effect.
func configHint(key signaling.ConfigKey, state configure.State) string {
	var parts []string
	if key.Options == nil {
		parts = append(parts, configRange(key))
	}
	if key.Even {
		parts = append(parts, "even")
	}
	if state.Reported != nil {
		if value, known := state.Reported.Values[key.Name]; known {
			parts = append(parts, "now "+showConfig(key, value))
		}
	}
	return strings.Join(parts, ", ")
}

// compare says by each field what it is set to by now, where that is not what was typed.
func (v *configView) compare(state configure.State) {
	for i, field := range v.Fields {
		value, set := state.Wanted()[field.Key.Name]
		if theirs := showConfig(field.Key, value); set && theirs != strings.TrimSpace(v.Form.Value(field.Key.Name)) {
			v.Fields[i].Other = theirs
		}
	}
}

// takenKeys are those that the camera knows, as far as it has said so: it may be older than the portal.
func takenKeys(state configure.State) []signaling.ConfigKey {
	if state.Reported == nil {
		return signaling.ConfigKeys
	}
	return slices.DeleteFunc(slices.Clone(signaling.ConfigKeys), func(key signaling.ConfigKey) bool {
		_, known := state.Reported.Values[key.Name]
		return !known
	})
}

// newConfigState puts it in words.
func newConfigState(state configure.State, online bool) configState {
	v := configState{Outcome: state.Outcome(), Latest: state.Latest(), SetAt: revisionTime(state.Latest())}
	v.Tone, v.Icon, v.Text = configWords(v.Outcome, online)
	wanted, now := state.Wanted(), map[string]any{}
	if r := state.Reported; r != nil {
		now, v.AppliedAt = r.Values, revisionTime(r.Revision)
		if r.Refused != nil && r.Refused.Revision == state.Latest() {
			v.RefusedAt, v.Reasons = revisionTime(r.Refused.Revision), configReasons(r.Refused.Reasons)
		}
	}
	for _, key := range takenKeys(state) {
		row := configRow{Label: key.Label, Now: shownWithUnit(key, now), Wanted: shownWithUnit(key, wanted)}
		row.Differs = row.Wanted != "" && row.Now != "" && row.Wanted != row.Now
		v.Rows = append(v.Rows, row)
	}
	return v
}

func configWords(outcome configure.Outcome, online bool) (tone, icon, text string) {
	switch outcome {
	case configure.Unset:
		return "", "settings", "Nothing is set here: the camera is as its own configuration file says."
	case configure.Applied:
		return "good", "check", "The camera has applied it."
	case configure.Refused:
		return "bad", "alert", "The camera has refused it, and is as it was before."
	case configure.Changed:
		return "warn", "alert", "The camera was set in another way since, such as by an MQTT tool. That is what counts, and what is shown here."
	}
	if online {
		return "warn", "history", "Sent. Waiting for the camera to say what it makes of it, which may take some seconds."
	}
	return "warn", "offline", "It is kept for the camera, which is offline: it is applied when the camera is back."
}

// configReasons are in the order of the keys, with those about the whole first.
func configReasons(reasons map[string]string) (list []configReason) {
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		label := name
		if key, known := signaling.FindConfigKey(name); known {
			label = key.Label
		} else if name == "video" {
			label = "Picture"
		}
		list = append(list, configReason{label, reasons[name]})
	}
	return list
}

// revisionTime is when a revision was made, which it says itself.
func revisionTime(revision uint64) *time.Time {
	if revision == 0 || revision > math.MaxInt64 {
		return nil
	}
	at := time.UnixMicro(int64(revision)).UTC()
	return &at
}

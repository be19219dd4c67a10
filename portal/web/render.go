package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

//go:embed templates
var templates embed.FS

// pages are the parsed templates by page name; each holds the layout and the shared parts too.
type pages map[string]*template.Template

// view is what the layout needs; Data is the page's own.
type view struct {
	Title  string
	User   *store.User // nil: nobody is logged in
	Guest  bool        // a guest's page: an account is of no use on it
	Script string      // the page's ES module, empty for none
	// Modules are what Script imports: named in the page, they load at once instead of in turn.
	Modules []string
	Notice  string // a message about what was just done
	Data    any
}

func parsePages(assets *assets, now func() time.Time) (pages, error) {
	funcs := template.FuncMap{
		"asset": assets.url, "code": credential.FormatCode, "cameraName": cameraName, "plural": plural, "field": newField, "groups": credential.FingerprintGroups,
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":    func(t time.Time) string { return ago(now().Sub(t)) },
		"seenAt": func(p signaling.Presence) time.Time { return time.UnixMilli(p.LastSeen) },
		"thumb":  thumbState, "device": deviceName, "hours": hoursText, "hoursForm": newHoursForm, "invited": invited,
		"choices": newChoices, "kilo": func(x float64) float64 { return x / 1000 },
	}
	base, err := template.New("").Funcs(funcs).ParseFS(templates, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	files, err := templates.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	parsed := pages{}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		own, err := base.Clone()
		if err == nil {
			_, err = own.ParseFS(templates, path.Join("templates", file.Name()))
		}
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		parsed[name] = own
	}
	return parsed, nil
}

// render writes a page; it is complete before its first byte is sent, so a failing template is an
// error page and not half of a page.
func (s *server) render(c echo.Context, status int, page string, v view) error {
	if v.Notice == "" {
		v.Notice = notices[c.QueryParam("done")]
	}
	var buffer bytes.Buffer
	if err := s.pages[page].ExecuteTemplate(&buffer, "layout", v); err != nil {
		return fmt.Errorf("render %s: %w", page, err)
	}
	return c.HTMLBlob(status, buffer.Bytes())
}

// notices are the messages that a redirect may ask the next page to show, by the value of "done":
// the text itself is never taken from the address.
var notices = map[string]string{
	"signed-out":      "You are logged out.",
	"cancelled":       "Your sign-up is cancelled. The name and the camera are free again.",
	"claimed":         "The camera is yours.",
	"renamed":         "The name is saved.",
	"webhook-added":   "The address is added. Try it, to see that calls arrive.",
	"webhook-removed": "The address is removed. Nothing is sent to it any more.",
	"webhook-called":  "The call arrived.",
	"token-revoked":   "The link is revoked. Whoever watched by it is cut off.",
	"identity":        "The new certificate is pinned. Browsers that have seen the old one ask once more.",
	"signed-up":       "Welcome! Your camera is connected and your account is ready.",

	// Of the account's page.
	"signed-out-everywhere": "You are logged out, here and everywhere else.",
	"login-ended":           "That login is ended. Whatever it was watching is cut off.",
	"logins-ended":          "You are logged out everywhere else.",
	"codes-added":           "Your authenticator app is added. You are asked for a code at each log-in.",
	"codes-removed":         "Your authenticator app is removed.",
	"passkey-added":         "Your passkey is added.",
	"passkey-renamed":       "The name is saved.",
	"passkey-removed":       "The passkey is removed. Delete it on your device, too.",
	"identity-linked":       "It is linked: you can log in by it from now on.",
	"identity-removed":      "It is removed, and does not log in here any more.",
	"email-asked":           "A link to verify the address is on its way to it.",
	"email-removed":         "Your mail address is removed.",
	"password-reset":        "Your password is changed, and you are logged out everywhere. Log in with the new one.",
	"password-changed":      "Your password is changed, and you are logged out everywhere else.",

	// Of sharing.
	"share-accepted":    "What was shared with you is below.",
	"share-left":        "You left it: the camera is not shared with you any more.",
	"declined":          "You said no. Nobody is told.",
	"share-changed":     "The change is saved. Whoever was watching went on by the new terms, or was cut off.",
	"share-ended":       "It is not shared any more. Whoever watched by it is cut off.",
	"guest-ended":       "The guest link has ended. Whoever watched by it is cut off.",
	"group-saved":       "The group is saved.",
	"group-deleted":     "The group is deleted, and nothing is shared by it any more.",
	"offered":           "Your offer is on its way.",
	"withdrawn":         "You took the offer back.",
	"api-token-revoked": "The token is revoked. What was watched by it is cut off.",
	"taken-over":        "The camera is yours.",
}

// cameraName is the name its owner gave a camera, or one made of its id.
func cameraName(camera store.Camera) string {
	if camera.Name != "" {
		return camera.Name
	}
	return "Camera " + strings.ToUpper(camera.ID[:min(5, len(camera.ID))])
}

// thumbState is the state of a camera's box for pictures before there is one. static/thumbnail.js says
// the same.
func thumbState(p signaling.Presence) string {
	switch p.State {
	case signaling.StateOnline, signaling.StateNoPicture:
		if p.OnlyPaired { // its pictures are for the watch page of paired devices
			return "private"
		}
		return "empty"
	case signaling.StatePrivate:
		return "private"
	}
	return "offline"
}

// ago says how long something is past. static/time.js says it in the same words.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour") + " ago"
	}
	return plural(int(d/(24*time.Hour)), "day") + " ago"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

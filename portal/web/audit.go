package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/spreadsheet"
	"seccam/portal/store"
)

// auditBody is an entry of the log as the API and the exports show it.
type auditBody struct {
	ID        int64     `json:"id"`
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	CameraID  string    `json:"camera_id,omitempty"`
	ActorKind string    `json:"actor_kind"`
	Actor     string    `json:"actor,omitempty"`
	Address   string    `json:"address,omitempty"`
	Device    string    `json:"device,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	Session   string    `json:"session,omitempty"`
	Seconds   int64     `json:"seconds,omitempty"` // of a view that ended
}

func newAuditBody(e store.AuditEntry) auditBody {
	return auditBody{e.ID, e.At.UTC(), e.Kind, e.CameraID, e.ActorKind, e.Actor, e.Address, e.Device, e.Detail, e.Session, e.Seconds}
}

// auditFilter reads from an address which entries are wanted. What it does not understand is refused.
func auditFilter(c echo.Context, user *store.User, camera string) (f store.AuditFilter, err error) {
	f = store.AuditFilter{UserID: user.ID, CameraID: camera, Limit: account.AuditPage}
	wrong := account.FieldErrors{}
	if group := c.QueryParam("about"); group != "" {
		if f.Kinds = account.KindsOf(group); f.Kinds == nil {
			wrong["about"] = "This is about nothing that is in the log."
		}
	}
	for name, to := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if text := c.QueryParam(name); text != "" {
			if *to, err = time.Parse(time.DateOnly, text); err != nil {
				wrong[name] = "A day is written as 2026-11-26."
			}
		}
	}
	if !f.To.IsZero() {
		f.To = f.To.AddDate(0, 0, 1) // the day itself counts
	}
	if text := c.QueryParam("before"); text != "" {
		if f.Before, err = strconv.ParseInt(text, 10, 64); err != nil || f.Before < 1 {
			wrong["before"] = "This is no entry's number."
		}
	}
	if len(wrong) > 0 {
		return f, wrong
	}
	return f, nil
}

// auditView is the page of a log.
type auditView struct {
	Camera  *store.Camera // nil: the account's
	Entries []auditLine
	Names   map[string]string // of cameras
	Values  url.Values        // of the filter
	Errors  account.FieldErrors
	Groups  []auditGroup
	Next    string // address of older entries
	Path    string
	Query   string // of the filter, for the export
}

// auditGroup is one choice of the filter.
type auditGroup struct{ Value, Text string }

var auditGroups = []auditGroup{
	{"", "Everything"}, {"watching", "Watching"}, {"sharing", "Sharing"}, {"ownership", "Ownership"}, {"settings", "Settings"}, {"account", "Account"},
}

// auditLine is an entry in words.
type auditLine struct {
	store.AuditEntry
	What, Who, Lasted string
}

var auditTexts = func() map[string]string {
	texts := map[string]string{}
	for _, kind := range account.AuditKinds {
		texts[kind.Kind] = kind.Text
	}
	return texts
}()

func newAuditLine(e store.AuditEntry) auditLine {
	line := auditLine{AuditEntry: e, What: auditTexts[e.Kind], Who: e.Actor}
	if line.What == "" {
		line.What = e.Kind
	}
	switch account.ActorKind(e.ActorKind) {
	case account.ActorGuest:
		line.Who = "Guest: " + e.Actor
	case account.ActorProgram:
		line.Who = "Program: " + e.Actor
	case account.ActorToken:
		line.Who = "API token: " + e.Actor
	case account.ActorOperator:
		line.Who = "Whoever runs this portal: " + e.Actor
	case account.ActorNobody:
		line.Who = "Not logged in"
	}
	if e.Kind == account.AuditWatchEnded {
		line.Lasted = "after " + lasting(time.Duration(e.Seconds)*time.Second)
	}
	return line
}

// lasting says how long something was.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plural(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int(d/time.Minute), "minute")
	}
	return plural(int(d/time.Hour), "hour")
}

func (s *server) cameraAudit(c echo.Context, user *store.User, camera *store.Camera) error {
	return s.renderAudit(c, user, camera, auditView{Camera: camera, Path: "/cameras/" + camera.ID + "/audit"})
}

func (s *server) accountAudit(c echo.Context, user *store.User) error {
	return s.renderAudit(c, user, nil, auditView{Path: "/account/audit"})
}

func (s *server) renderAudit(c echo.Context, user *store.User, camera *store.Camera, v auditView) error {
	id, title := "", "What happened in your account"
	if camera != nil {
		id, title = camera.ID, "What happened: "+cameraName(*camera)
	}
	v.Values, v.Groups, v.Names = c.QueryParams(), auditGroups, map[string]string{}
	status := http.StatusOK
	f, err := auditFilter(c, user, id)
	if v.Errors, err = fieldErrors(err); err != nil {
		return err
	}
	if v.Errors != nil {
		status = http.StatusUnprocessableEntity
	} else if err := s.fillAudit(c, user, f, &v); err != nil {
		return err
	}
	return s.render(c, status, "audit", view{Title: title, User: user, Script: "sharing.js", Data: v})
}

func (s *server) fillAudit(c echo.Context, user *store.User, f store.AuditFilter, v *auditView) error {
	ctx := c.Request().Context()
	entries, err := s.Accounts.Audit(ctx, f)
	if err != nil {
		return err
	}
	for _, e := range entries {
		v.Entries = append(v.Entries, newAuditLine(e))
	}
	cameras, err := s.Accounts.Cameras(ctx, user.ID)
	for _, camera := range cameras {
		v.Names[camera.ID] = cameraName(camera)
	}
	kept := url.Values{}
	for _, name := range []string{"about", "from", "to"} {
		if value := c.QueryParam(name); value != "" {
			kept.Set(name, value)
		}
	}
	v.Query = kept.Encode()
	if len(entries) == account.AuditPage {
		kept.Set("before", strconv.FormatInt(entries[len(entries)-1].ID, 10))
		v.Next = v.Path + "?" + kept.Encode()
	}
	return err
}

func (s *server) apiCameraAudit(c echo.Context, user *store.User, camera *store.Camera) error {
	return s.apiAudit(c, user, camera.ID)
}

func (s *server) apiAccountAudit(c echo.Context, user *store.User) error {
	return s.apiAudit(c, user, "")
}

func (s *server) apiAudit(c echo.Context, user *store.User, camera string) error {
	f, err := auditFilter(c, user, camera)
	if err != nil {
		return err
	}
	entries, err := s.Accounts.Audit(c.Request().Context(), f)
	if err != nil {
		return err
	}
	bodies := make([]auditBody, len(entries))
	for i, e := range entries {
		bodies[i] = newAuditBody(e)
	}
	return c.JSON(http.StatusOK, map[string]any{"entries": bodies})
}

func (s *server) exportCameraAudit(c echo.Context, user *store.User, camera *store.Camera) error {
	return s.exportAudit(c, user, camera.ID)
}

func (s *server) exportAccountAudit(c echo.Context, user *store.User) error {
	return s.exportAudit(c, user, "")
}

// auditWriter writes entries in one format.
type auditWriter interface {
	write(e auditBody) error
	flush() error
}

// exportAudit sends the whole of what the filter chooses, the oldest first, page by page: nothing of it is held.
func (s *server) exportAudit(c echo.Context, user *store.User, camera string) error {
	f, err := auditFilter(c, user, camera)
	if err != nil {
		return err
	}
	f.Before, f.Ascending = 0, true
	response := c.Response()
	var w auditWriter
	switch format := c.QueryParam("format"); format {
	case "csv":
		response.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w = newCSVAudit(response)
	case "jsonl":
		response.Header().Set("Content-Type", "application/x-ndjson")
		w = jsonAudit{json.NewEncoder(response)}
	default:
		return account.ErrNotFound
	}
	response.Header().Set("Content-Disposition", `attachment; filename="seccam-log.`+c.QueryParam("format")+`"`)
	for {
		entries, err := s.Accounts.Audit(c.Request().Context(), f)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := w.write(newAuditBody(e)); err != nil {
				return fmt.Errorf("export audit log: %w", err)
			}
			f.Before = e.ID
		}
		if len(entries) < f.Limit {
			return w.flush()
		}
	}
}

type jsonAudit struct{ *json.Encoder }

func (w jsonAudit) write(e auditBody) error { return w.Encode(e) }
func (w jsonAudit) flush() error            { return nil }

type csvAudit struct{ *csv.Writer }

func newCSVAudit(to io.Writer) csvAudit {
	w := csvAudit{csv.NewWriter(to)}
	_ = w.Write([]string{"id", "at", "kind", "camera_id", "actor_kind", "actor", "address", "device", "detail", "session", "seconds"}) // flush reports it
	return w
}

func (w csvAudit) write(e auditBody) error {
	return w.Write([]string{
		strconv.FormatInt(e.ID, 10), e.At.Format(time.RFC3339), e.Kind, e.CameraID, e.ActorKind, spreadsheet.Cell(e.Actor), e.Address, spreadsheet.Cell(e.Device),
		spreadsheet.Cell(e.Detail), e.Session, strconv.FormatInt(e.Seconds, 10),
	})
}

func (w csvAudit) flush() error {
	w.Flush()
	return w.Error()
}

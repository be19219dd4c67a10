package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

var errSecondFactor = errors.New("whoever sees all cameras needs a second factor: add an authenticator app or a passkey on your account's page, then come back")

// adminPages is what admins look at: all cameras, and no picture. Nothing can be changed here.
func (s *server) adminPages(page *echo.Group) {
	page.GET("/admin", s.adminPerson(s.fleetPage))
	page.GET("/admin/cameras/:id", s.adminPerson(s.fleetCameraPage))
	page.GET("/admin/cameras/:id/vitals", s.adminPerson(s.fleetVitals))
}

// adminPerson lets people through whom the command line made admins, and who have a second factor. For everybody else
// there is nothing.
func (s *server) adminPerson(next userHandler) echo.HandlerFunc {
	return s.member(func(c echo.Context, user *store.User) error {
		ctx := c.Request().Context()
		admin, err := s.Fleet.IsAdmin(ctx, user.ID)
		if err != nil {
			return err
		}
		if !admin {
			return store.ErrNotFound
		}
		factors, err := s.Factors.Of(ctx, user.ID)
		if err != nil {
			return err
		}
		if !factors.Needed() {
			return errSecondFactor
		}
		return next(c, user)
	})
}

// fleetView is the table of all cameras.
type fleetView struct {
	Cameras  []fleetCamera
	Total    int64
	Query    fleetQuery
	Values   url.Values
	Wrong    account.FieldErrors
	Versions []string
	Columns  []fleetColumn
	Filtered bool
	// From and To are which of the cameras are shown; Previous and Next lead to the pages beside.
	From, To       int
	Previous, Next string
	Pages          int
}

// fleetColumn is a column's head, by which the table is sorted.
type fleetColumn struct {
	Text, Link string
	Order      string // aria-sort, "" for none
}

// option is one choice of a filter.
type option struct {
	Value, Text string
	On          bool
}

// newChoices are those of one filter: any, or one of the pairs of value and text.
func newChoices(values url.Values, name, any string, pairs ...string) []option {
	list := []option{{"", any, false}}
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, option{pairs[i], pairs[i+1], values.Get(name) == pairs[i]})
	}
	return list
}

var fleetColumns = []struct{ sort, text string }{
	{"id", "Camera"}, {"seen", "Last seen"}, {"version", "Version"}, {"owner", "Owner"}, {"batch", "Batch"}, {"added", "Added"},
}

func (s *server) fleetPage(c echo.Context, user *store.User) error {
	q, err := readFleetQuery(c)
	v, status := fleetView{Query: q, Values: c.QueryParams()}, http.StatusOK
	if v.Wrong, err = fieldErrors(err); err != nil {
		return err
	}
	if v.Wrong != nil {
		status = http.StatusUnprocessableEntity
	} else if err := s.fillFleet(c, &v); err != nil {
		return err
	}
	return s.render(c, status, "fleet", view{Title: "All cameras", User: user, Data: v})
}

func (s *server) fillFleet(c echo.Context, v *fleetView) error {
	ctx, q := c.Request().Context(), v.Query
	list, total, err := s.Fleet.List(ctx, q.FleetFilter)
	if err != nil {
		return err
	}
	for i := range list {
		v.Cameras = append(v.Cameras, s.fleetCamera(list[i]))
	}
	if v.Versions, err = s.Fleet.Versions(ctx); err != nil {
		return err
	}
	v.Total, v.From, v.To = total, q.Offset+1, q.Offset+len(list)
	v.Pages = int((total + int64(q.Limit) - 1) / int64(q.Limit))
	for _, name := range []string{"q", "batch", "version", "online", "claimed", "revoked"} {
		v.Filtered = v.Filtered || v.Values.Get(name) != ""
	}
	if q.Page > 1 {
		v.Previous = v.link("page", strconv.Itoa(q.Page-1))
	}
	if q.Page < v.Pages {
		v.Next = v.link("page", strconv.Itoa(q.Page+1))
	}
	for _, column := range fleetColumns {
		v.Columns = append(v.Columns, v.column(column.sort, column.text))
	}
	return nil
}

// column links to the table sorted by it, or the other way round if it is already.
func (v *fleetView) column(sort, text string) fleetColumn {
	current := v.Query.Sort
	if current == "" {
		current = "added"
	}
	column, by := fleetColumn{Text: text}, sort
	if sort == current {
		column.Order = "ascending"
		if v.Query.Descending {
			column.Order = "descending"
		} else {
			by = "-" + sort
		}
	}
	column.Link = v.link("sort", by)
	return column
}

// link is the table's address with one value changed. Another order begins with the first page.
func (v *fleetView) link(name, value string) string {
	kept := url.Values{}
	for _, known := range []string{"q", "batch", "version", "online", "claimed", "revoked", "sort", "per_page"} {
		if text := v.Values.Get(known); text != "" {
			kept.Set(known, text)
		}
	}
	kept.Set(name, value)
	return "/admin?" + kept.Encode()
}

// fleetCameraView is one camera as an admin sees it.
type fleetCameraView struct {
	Camera fleetCamera
	Config configState
	Latest *store.Sample // nil: nothing was measured in the last day
	Events []store.CameraEvent
	Log    []store.AdminEntry
}

func (s *server) fleetCameraPage(c echo.Context, user *store.User) error {
	ctx := c.Request().Context()
	camera, err := s.Fleet.Camera(ctx, canonical(c.Param("id")))
	if err != nil {
		return err
	}
	config, err := s.Configs.State(ctx, camera.ID)
	if err != nil {
		return err
	}
	v := fleetCameraView{Camera: s.fleetCamera(camera)}
	v.Config = newConfigState(config, v.Camera.Presence.Online)
	samples, err := s.Fleet.Samples(ctx, camera.ID)
	if err != nil {
		return err
	}
	if len(samples) > 0 {
		v.Latest = &samples[len(samples)-1]
	}
	if v.Events, err = s.Fleet.Events(ctx, camera.ID, 0); err != nil {
		return err
	}
	if v.Log, err = s.Fleet.Log(ctx, camera.ID, 0); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "fleetcamera", view{
		Title: "Camera " + credential.FormatCode(camera.ID), User: user, Script: "fleetcamera.js", Modules: []string{"chart.js", "presence.js", "time.js"}, Data: v,
	})
}

// vitalsBody is what the charts show, and what happened after an event.
type vitalsBody struct {
	Presence signaling.Presence `json:"presence"`
	Samples  []sampleBody       `json:"samples"`
	Events   []vitalsEvent      `json:"events"` // the oldest first
	Step     int                `json:"step"`   // seconds between two samples
	Since    time.Time          `json:"since"`  // where the charts begin
	Until    time.Time          `json:"until"`  // and end
}

type sampleBody struct {
	At          time.Time `json:"at"`
	FPS         float64   `json:"fps"`
	Bitrate     float64   `json:"bitrate"`
	Viewers     int       `json:"viewers"`
	Temperature float64   `json:"temperature"`
}

type vitalsEvent struct {
	ID   int64     `json:"id"`
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

// fleetVitals is for the page's script.
func (s *server) fleetVitals(c echo.Context, _ *store.User) error {
	ctx := c.Request().Context()
	camera, err := s.Fleet.Camera(ctx, canonical(c.Param("id")))
	if err != nil {
		return err
	}
	after, err := strconv.ParseInt(c.QueryParam("after"), 10, 64)
	if err != nil || after < 0 {
		after = 0
	}
	samples, err := s.Fleet.Samples(ctx, camera.ID)
	if err != nil {
		return err
	}
	events, err := s.Fleet.Events(ctx, camera.ID, after)
	if err != nil {
		return err
	}
	now := s.Now().UTC()
	body := vitalsBody{
		Presence: s.Presence.Of(camera.ID), Samples: make([]sampleBody, len(samples)), Events: make([]vitalsEvent, len(events)),
		Step: int(fleet.SampleStep.Seconds()), Since: now.Add(-fleet.SamplesShown), Until: now,
	}
	for i, m := range samples {
		body.Samples[i] = sampleBody{m.At.UTC(), m.FPS, m.Bitrate, m.Viewers, m.Temperature}
	}
	for i, e := range events {
		body.Events[i] = vitalsEvent{e.ID, e.At.UTC(), e.Kind, e.Text}
	}
	slices.Reverse(body.Events)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, body)
}

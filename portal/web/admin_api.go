package web

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

// Pages of cameras.
const (
	fleetPage    = 50
	maxFleetPage = 500
)

// fleetCamera is a camera as whoever runs the portal sees it.
type fleetCamera struct {
	fleet.Camera
	Presence signaling.Presence `json:"presence"`
}

func (s *server) fleetCamera(c fleet.Camera) fleetCamera {
	return fleetCamera{c, s.Presence.Of(c.ID)}
}

// fleetQuery is what an address asks of the fleet.
type fleetQuery struct {
	store.FleetFilter
	Page int
}

// readFleetQuery reads the filter from an address. What it does not understand is refused.
func readFleetQuery(c echo.Context) (fleetQuery, error) {
	q := fleetQuery{Page: 1}
	wrong := account.FieldErrors{}
	q.Query, q.Batch, q.Limit = strings.TrimSpace(c.QueryParam("q")), c.QueryParam("batch"), fleetPage
	flag := func(name string) *bool {
		switch c.QueryParam(name) {
		case "":
			return nil
		case "true", "false":
			value := c.QueryParam(name) == "true"
			return &value
		}
		wrong[name] = "This is true or false."
		return nil
	}
	number := func(name string, into *int, most int) {
		text := c.QueryParam(name)
		if text == "" {
			return
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			wrong[name] = fmt.Sprintf("This is a number from 1 to %d.", most)
			return
		}
		*into = n
	}
	q.Claimed, q.Revoked, q.Online, q.Version = flag("claimed"), flag("revoked"), flag("online"), c.QueryParam("version")
	number("page", &q.Page, 1_000_000)
	number("per_page", &q.Limit, maxFleetPage)
	q.Sort, q.Descending = strings.CutPrefix(c.QueryParam("sort"), "-")
	if q.Sort != "" && !slices.Contains(store.FleetSorts, q.Sort) {
		wrong["sort"] = "This is one of " + strings.Join(store.FleetSorts, ", ") + ", with - before it for the other way round."
	}
	q.Offset = (q.Page - 1) * q.Limit
	if len(wrong) > 0 {
		return q, wrong
	}
	return q, nil
}

func (s *server) adminCameras(c echo.Context, f *fleet.Service) error {
	q, err := readFleetQuery(c)
	if err != nil {
		return err
	}
	list, total, err := f.List(c.Request().Context(), q.FleetFilter)
	if err != nil {
		return err
	}
	bodies := make([]fleetCamera, len(list))
	for i := range list {
		bodies[i] = s.fleetCamera(list[i])
	}
	return c.JSON(http.StatusOK, map[string]any{"cameras": bodies, "total": total, "page": q.Page, "per_page": q.Limit})
}

func (s *server) adminCamera(c echo.Context, f *fleet.Service) error {
	camera, err := f.Camera(c.Request().Context(), canonical(c.Param("id")))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.fleetCamera(camera))
}

// provisionBody is a batch, or a part of it, whose ids and claim codes were made by the program.
type provisionBody struct {
	Batch   string `json:"batch"`
	Cameras []struct {
		ID        string `json:"id"`
		ClaimHash string `json:"claim_hash"`
	} `json:"cameras"`
}

func (b *provisionBody) cameras() ([]store.NewCamera, error) {
	wrong := account.FieldErrors{}
	if b.Batch == "" || len(b.Batch) > 100 {
		wrong["batch"] = "Name the batch, in up to 100 letters: by the name it can be sent again."
	}
	if len(b.Cameras) == 0 || len(b.Cameras) > fleet.MaxRegister {
		wrong["cameras"] = fmt.Sprintf("Send from 1 to %d cameras at once.", fleet.MaxRegister)
	}
	cameras := make([]store.NewCamera, len(b.Cameras))
	for i, c := range b.Cameras {
		hash, err := hex.DecodeString(c.ClaimHash)
		if err != nil || len(hash) != len(credential.HashClaimCode("", "")) {
			wrong["cameras"] = fmt.Sprintf("Camera %d: claim_hash is a SHA-256 hash in 64 hexadecimal digits.", i)
		}
		if canonical(c.ID) != c.ID || c.ID == "" {
			wrong["cameras"] = fmt.Sprintf("Camera %d: id is 20 small letters and digits, of which the last is the check.", i)
		}
		cameras[i] = store.NewCamera{ID: c.ID, ClaimHash: hash}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return cameras, nil
}

func (s *server) adminProvision(c echo.Context, f *fleet.Service) error {
	body, err := decode[provisionBody](c)
	if err != nil {
		return err
	}
	cameras, err := body.cameras()
	if err != nil {
		return err
	}
	registered, err := f.Register(c.Request().Context(), body.Batch, cameras)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"cameras": registered})
}

func (s *server) adminRevoke(c echo.Context, f *fleet.Service) error {
	version, err := f.Revoke(c.Request().Context(), canonical(c.Param("id")))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"key_version": version})
}

func (s *server) adminRotate(c echo.Context, f *fleet.Service) error {
	id := canonical(c.Param("id"))
	key, version, err := f.Rotate(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, fleet.Registered{ID: id, KeyVersion: version, DeviceKey: key.Hex()})
}

// exportTypes are the media types of the formats.
var exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

func (s *server) adminExport(c echo.Context, f *fleet.Service) error {
	q, err := readFleetQuery(c)
	if err != nil {
		return err
	}
	format := c.QueryParam("format")
	media, known := exportTypes[format]
	if !known {
		return account.FieldErrors{"format": "This is csv or jsonl."}
	}
	response := c.Response()
	response.Header().Set("Content-Type", media)
	response.Header().Set("Content-Disposition", `attachment; filename="seccam-cameras.`+format+`"`)
	return f.Export(c.Request().Context(), response, format, q.FleetFilter)
}

// adminEntry is an entry of the fleet's log.
type adminEntry struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	Operator string    `json:"operator"`
	Address  string    `json:"address,omitempty"`
	Kind     string    `json:"kind"`
	CameraID string    `json:"camera_id,omitempty"`
	Detail   string    `json:"detail,omitempty"`
}

func (s *server) adminLog(c echo.Context, f *fleet.Service) error {
	before, camera := int64(0), ""
	wrong := account.FieldErrors{}
	if text := c.QueryParam("before"); text != "" {
		var err error
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			wrong["before"] = "This is no entry's number."
		}
	}
	if text := c.QueryParam("camera"); text != "" {
		if camera = canonical(text); camera == "" {
			wrong["camera"] = "This is no camera's id."
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	entries, err := f.Log(c.Request().Context(), camera, before)
	if err != nil {
		return err
	}
	bodies := make([]adminEntry, len(entries))
	for i, e := range entries {
		bodies[i] = adminEntry{e.ID, e.At.UTC(), e.Operator, e.Address, e.Kind, e.CameraID, e.Detail}
	}
	return c.JSON(http.StatusOK, map[string]any{"entries": bodies})
}

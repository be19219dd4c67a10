package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
	"seccam/portal/configure"
	"seccam/portal/factor"
	"seccam/portal/fleet"
	"seccam/portal/signon"
	"seccam/portal/store"
	"seccam/portal/whep"
)

// Refusals that handlers return. Pages answer some of them with a redirect.
var (
	errNoLogin      = errors.New("log in first")
	errNoProof      = errors.New("this needs a proof of who you are from the last ten minutes")
	errUnfinished   = errors.New("finish your sign-up first: its camera has to be seen once")
	errFinished     = errors.New("this sign-up is finished already")
	errOwnerOnly    = errors.New("this camera is shared with you: you may watch it, but only its owner may do this")
	errNoInvitation = errors.New("this invitation does not hold any more: it was used, its time is over, or it was taken back; ask for a new one")
	errCrossSite    = errors.New("this request came from another site's page")
	errOrigin       = errors.New("a WebSocket is only opened for this portal's own pages")
	errNotJSON      = errors.New("the request's body has to be JSON, sent as application/json")
	errBadJSON      = errors.New("the request's body is not the JSON object that is expected here")
	errBadForm      = errors.New("the form arrived damaged; go back and send it again")
)

// problem is an answer that says what went wrong: problem details (RFC 9457) for programs, the
// content of the error page for people.
type problem struct {
	Type   string              `json:"type"` // urn:seccam:problem:<code>
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Detail string              `json:"detail,omitempty"`
	Errors account.FieldErrors `json:"errors,omitempty"`
	ID     string              `json:"id,omitempty"` // finds an internal error in the log

	retryAfter int // seconds; 0 says nothing about when
}

// Error makes a problem an error that a handler can return.
func (p problem) Error() string { return p.Title + ": " + p.Detail }

// code names the kind of problem to a program.
func (p problem) code() string { return strings.TrimPrefix(p.Type, problemURN) }

const problemURN = "urn:seccam:problem:"

// refusals maps errors to answers; their texts are for people.
var refusals = []struct {
	err    error
	status int
	code   string
	title  string
}{
	{account.ErrCredentials, http.StatusUnauthorized, "wrong-credentials", "Log-in failed"},
	{configure.ErrChanged, http.StatusPreconditionFailed, "configuration-seen-changed", "Set by somebody else"},
	{configure.ErrOutdated, http.StatusConflict, "configuration-changed", "Set by somebody else"},
	{account.ErrNotSeen, http.StatusConflict, "camera-not-seen", "Camera not seen yet"},
	{account.ErrIdentity, http.StatusConflict, "identity-unchanged", "Nothing was accepted"},
	{account.ErrExpired, http.StatusGone, "sign-up-expired", "This sign-up has expired"},
	{errNoLogin, http.StatusUnauthorized, "not-logged-in", "Not logged in"},
	{errNoProof, http.StatusForbidden, "proof-needed", "Prove that it is you"},
	{account.ErrNoPassword, http.StatusConflict, "no-password", "No password"},
	{account.ErrIdentityTaken, http.StatusConflict, "identity-taken", "Linked to another account"},
	{signon.ErrRefused, http.StatusUnauthorized, "sign-on-refused", "Log-in failed"},
	{signon.ErrUnreachable, http.StatusBadGateway, "sign-on-unreachable", "The other provider does not answer"},
	{errNoKnown, http.StatusUnauthorized, "no-identity", "Log in first"},
	{account.ErrLink, http.StatusGone, "link-used", "This link is not good any more"},
	{errNoHalf, http.StatusUnauthorized, "no-first-factor", "Log in again"},
	{factor.ErrAlready, http.StatusConflict, "codes-exist", "There is one already"},
	{factor.ErrNone, http.StatusConflict, "no-second-factor", "No second factor"},
	{factor.ErrTooMany, http.StatusConflict, "too-many-passkeys", "Too many passkeys"},
	{factor.ErrNoPasskeys, http.StatusConflict, "passkeys-impossible", "No passkeys here"},
	{factor.ErrPasskey, http.StatusUnprocessableEntity, "passkey-refused", "Passkey refused"},
	{store.ErrLastWayIn, http.StatusConflict, "last-way-in", "The only way in"},
	{errUnfinished, http.StatusForbidden, "sign-up-unfinished", "Sign-up not finished"},
	{errFinished, http.StatusConflict, "sign-up-finished", "Sign-up finished"},
	{errOwnerOnly, http.StatusForbidden, "owner-only", "Only for the owner"},
	{errNotForTokens, http.StatusForbidden, "not-for-tokens", "Not for tokens"},
	{account.ErrOwnCamera, http.StatusConflict, "own-camera", "Your own camera"},
	{errNoInvitation, http.StatusGone, "invitation-ended", "This invitation has ended"},
	{account.ErrLinkEnded, http.StatusGone, "link-ended", "This link has ended"},
	{errCrossSite, http.StatusForbidden, "cross-site", "Request refused"},
	{errOrigin, http.StatusForbidden, "foreign-origin", "Request refused"},
	{errNotJSON, http.StatusUnsupportedMediaType, "not-json", "Not JSON"},
	{errBadJSON, http.StatusBadRequest, "bad-json", "Malformed JSON"},
	{errBadForm, http.StatusBadRequest, "bad-form", "Malformed form"},
	{ErrDeviceRefused, http.StatusUnauthorized, "device-refused", "Device refused"},
	{errBadAdmin, http.StatusUnauthorized, "bad-token", "Not a valid token"},
	{errBadToken, http.StatusUnauthorized, "bad-token", "Not a valid token"},
	{account.ErrEnrolment, http.StatusUnauthorized, "enrolment-refused", "Enrolment token refused"},
	{account.ErrTooManyCameras, http.StatusConflict, "too-many-cameras", "Too many cameras"},
	{errSecondFactor, http.StatusForbidden, "second-factor-needed", "A second factor is needed"},
	{store.ErrExists, http.StatusConflict, "camera-exists", "There is such a camera"},
	{store.ErrKeyChanged, http.StatusConflict, "key-changed", "The key was replaced"},
	{fleet.ErrInUse, http.StatusConflict, "camera-in-use", "The camera is in use"},
	{errNotSDP, http.StatusUnsupportedMediaType, "not-sdp", "Not SDP"},
	{errNotFragment, http.StatusUnsupportedMediaType, "not-sdpfrag", "Not an SDP fragment"},
	{whep.ErrBadOffer, http.StatusBadRequest, "bad-sdp", "Malformed SDP"},
	{whep.ErrBadFragment, http.StatusBadRequest, "bad-sdpfrag", "Malformed SDP fragment"},
	{whep.ErrNoMatch, http.StatusPreconditionRequired, "no-if-match", "If-Match is missing"},
	{whep.ErrStale, http.StatusPreconditionFailed, "stale", "An earlier ICE session"},
	{whep.ErrUnsupported, http.StatusUnprocessableEntity, "unsupported", "Not supported"},
	{whep.ErrRestarting, http.StatusConflict, "restarting", "ICE restart under way"},
	{whep.ErrNoAnswer, http.StatusGatewayTimeout, "no-answer", "The camera did not answer"},
}

// problemOf returns the answer to an error; internal is true if it is our fault and must be logged.
func problemOf(err error) (p problem, internal bool) {
	var fields account.FieldErrors
	var tooLarge *http.MaxBytesError
	var late throttled
	var httpErr *echo.HTTPError
	var told problem
	var closed *account.OutsideHoursError
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return problem{Type: problemURN + r.code, Title: r.title, Status: r.status, Detail: sentence(r.err.Error())}, false
		}
	}
	switch {
	case errors.As(err, &fields):
		return problem{Type: problemURN + "invalid-fields", Title: "Some fields need correction",
			Status: http.StatusUnprocessableEntity, Errors: fields}, false
	case errors.As(err, &told):
		return told, false
	case errors.As(err, &closed):
		return problem{Type: problemURN + "outside-hours", Title: "Not at this time", Status: http.StatusForbidden,
			Detail: sentence(closed.Error())}, false
	case errors.Is(err, account.ErrNotFound):
		return notFound(), false
	case errors.As(err, &late):
		return problem{Type: problemURN + "too-many-requests", Title: "Too many attempts", Status: http.StatusTooManyRequests,
			Detail: "Please wait " + plural(late.seconds(), "second") + ", then try again.", retryAfter: late.seconds()}, false
	case errors.Is(err, whep.ErrTooMany):
		return problem{Type: problemURN + "too-many-views", Title: "Too many views", Status: http.StatusTooManyRequests,
			Detail: sentence(whep.ErrTooMany.Error()), retryAfter: 10}, false
	case errors.As(err, &tooLarge):
		return problem{Type: problemURN + "too-large", Title: "Too large", Status: http.StatusRequestEntityTooLarge,
			Detail: "This request is larger than anything the portal accepts."}, false
	case errors.As(err, &httpErr) && httpErr.Code == http.StatusNotFound:
		return notFound(), false
	case errors.As(err, &httpErr) && httpErr.Code < http.StatusInternalServerError:
		return problem{Type: problemURN + "http-" + strconv.Itoa(httpErr.Code), Title: http.StatusText(httpErr.Code), Status: httpErr.Code}, false
	}
	return problem{Type: problemURN + "internal", Title: "Something went wrong on our side", Status: http.StatusInternalServerError,
		Detail: "Nothing you did caused this. Try again; if it stays, tell whoever runs this portal the number below.",
		ID:     rand.Text()[:10]}, true
}

func notFound() problem {
	return problem{Type: problemURN + "not-found", Title: "Not found", Status: http.StatusNotFound,
		Detail: "There is nothing here, or it is not yours to see."}
}

// handleError is the one place where an error becomes an answer.
func (s *server) handleError(err error, c echo.Context) {
	p, internal := problemOf(err)
	r := c.Request()
	if internal && r.Context().Err() == nil {
		s.Log.Error("request failed", "id", p.ID, "method", r.Method, "route", c.Path(), "error", err)
	}
	if c.Response().Committed {
		return
	}
	if p.retryAfter > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if isAPI(c) {
		err = writeProblem(c, p)
	} else {
		err = s.errorPage(c, p)
	}
	if err != nil && r.Context().Err() == nil {
		s.Log.Warn("write error answer", "error", err)
	}
}

// errorPage shows a problem, or the page that resolves it.
func (s *server) errorPage(c echo.Context, p problem) error {
	switch p.code() {
	case "not-logged-in":
		return seeOther(c, "/login")
	case "no-first-factor", "no-identity":
		return seeOther(c, "/login")
	case "proof-needed":
		return seeOther(c, proofPath(c.Request()))
	case "sign-up-unfinished":
		return seeOther(c, "/setup")
	case "sign-up-finished":
		return seeOther(c, "/home")
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(p.Status)
	}
	v := view{Title: p.Title, Data: p}
	if c.Get(loginLoaded) != nil {
		v.User, _ = s.user(c) // without one the page offers to log in
	}
	return s.render(c, p.Status, "error", v)
}

// sentence makes an error's text one for people.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func seeOther(c echo.Context, path string) error { return c.Redirect(http.StatusSeeOther, path) }

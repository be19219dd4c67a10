package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/configure"
	"seccam/portal/factor"
	"seccam/portal/fleet"
	"seccam/portal/place"
	"seccam/portal/signon"
	"seccam/portal/whep"
)

// ErrDeviceRefused means that a camera did not prove who it is.
var ErrDeviceRefused = errors.New("device refused")

// Config is what the operator decides.
type Config struct {
	// PublicURL is where people reach the portal, such as "https://cams.example.org". With https the
	// cookie is Secure and browsers are told to insist on https (HSTS).
	PublicURL string
	// TrustedProxies are the CIDRs of reverse proxies whose X-Forwarded-For is believed; by default
	// none is, and a client's address is its connection's.
	TrustedProxies []string
}

// Presence tells how a camera is, as the portal judges it now.
type Presence interface {
	Of(cameraID string) signaling.Presence
}

// Signals upgrades a request to the signalling WebSocket and serves it until it ends.
type Signals interface {
	ServeSignals(w http.ResponseWriter, r *http.Request, login Login)
}

// Login is who a WebSocket belongs to.
type Login struct {
	UserID  int64
	Pending bool // the sign-up is unfinished: presence only, no video
	// Subject is "login-<random id>", under which the end of this login is made known.
	Subject string
	// Alive reports whether the login still holds. It asks the database.
	Alive func(ctx context.Context) bool
	// Guest names somebody without an account, who watches the one camera to which Access gives access.
	Guest  string
	Access func(ctx context.Context) (account.Access, error)
	// Actor is who it is to the camera's owner.
	Actor account.Actor
}

// Devices hands out camera credentials by challenge and response.
type Devices interface {
	Challenge(ctx context.Context, req credential.ChallengeRequest) (credential.Challenge, error)
	// Token returns [ErrDeviceRefused] for a proof that does not hold.
	Token(ctx context.Context, req credential.TokenRequest) (credential.TokenResponse, error)
	// FirstKey is the key of a camera that was just added.
	FirstKey(camera string) credential.Secret
}

// Cameras calls the methods of connected cameras. Its errors are those of package remote and the
// camera's refusals, each a [signaling.Error].
type Cameras interface {
	// Snapshot takes a picture that only the owner of the request's key can open.
	Snapshot(ctx context.Context, cameraID string, request signaling.SnapshotRequest) (sealed []byte, err error)
	// Privacy sets the privacy settings, unless they are nil, and returns what holds now.
	Privacy(ctx context.Context, cameraID string, settings *signaling.PrivacySettings) (signaling.PrivacyReply, error)
}

// Configs sets cameras from afar.
type Configs interface {
	State(ctx context.Context, cameraID string) (configure.State, error)
	// Set returns [configure.Problems], [configure.ErrChanged] or [configure.ErrOutdated] if it cannot be.
	Set(ctx context.Context, ownerID int64, cameraID string, seen *uint64, values map[string]any) (configure.State, error)
}

// Deps is everything the handlers call. All but Now, Places, SignOn and Figures are required.
type Deps struct {
	Accounts *account.Service
	Logins   scs.CtxStore
	Factors  *factor.Service
	Presence Presence
	Cameras  Cameras
	Signals  Signals
	Watching *whep.Service
	Devices  Devices
	Alerts   Alerts
	Configs  Configs
	Fleet    *fleet.Service
	// Throttles is what all portals share.
	Throttles Throttles
	// Places says where addresses are; nil knows only the special ones.
	Places *place.Book
	// SignOn is another provider that people log in by; nil is none.
	SignOn *signon.Provider
	// Figures counts requests; nil counts them for nobody.
	Figures *Figures
	// Ready reports why the portal cannot serve yet, nil if it can.
	Ready func(context.Context) error
	Now   func() time.Time // nil is time.Now
	Log   *slog.Logger
}

// server is the state that handlers share; nothing in it changes after [New] but the limits.
type server struct {
	Deps
	echo   *echo.Echo
	public *url.URL
	logins *logins
	limits limits
	asking asking
	pages  pages
	assets *assets
	csrf   *http.CrossOriginProtection
}

// New returns the portal's HTTP handler.
func New(cfg Config, deps Deps) (http.Handler, error) {
	s, err := newServer(cfg, deps)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return s.echo, nil
}

func newServer(cfg Config, deps Deps) (*server, error) {
	public, err := parsePublicURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Figures == nil {
		deps.Figures = NewFigures()
	}
	s := &server{Deps: deps, public: public, limits: newLimits(deps.Throttles, deps.Now, deps.Figures), csrf: http.NewCrossOriginProtection()}
	if err := s.csrf.AddTrustedOrigin(origin(public)); err != nil {
		return nil, fmt.Errorf("public url: %w", err)
	}
	s.logins = newLogins(deps.Logins, public.Scheme == "https", deps.Now)
	if s.assets, err = newAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = parsePages(s.assets, deps.Now); err != nil {
		return nil, err
	}
	extract, err := ipExtractor(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	s.echo = echo.New()
	s.echo.IPExtractor = extract
	s.echo.SchemeExtractor = echo.ExtractSchemeDirect()
	s.echo.HTTPErrorHandler = s.handleError
	s.routes(s.echo)
	return s, nil
}

func parsePublicURL(text string) (*url.URL, error) {
	public, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("public url: %w", err)
	}
	if public.Scheme != "http" && public.Scheme != "https" || public.Host == "" || public.Path != "" && public.Path != "/" {
		return nil, fmt.Errorf("public url %q: want http(s)://host without a path", text)
	}
	return public, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

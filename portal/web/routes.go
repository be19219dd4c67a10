package web

import (
	"github.com/labstack/echo/v4"

	"seccam/pkg/credential"
)

// apiPrefix is the root of everything that programs call; errors below it are problem details.
const apiPrefix = "/api/v1"

// routes is every route; those of WHEP, accounts, sharing and the fleet are in whep.go and *_routes.go, those
// about cameras below. guest sends people who have a login to their cameras, loggedIn needs any login, newcomer an
// unfinished sign-up, member a finished one; memberCamera is for a camera's owner, viewerCamera also for those with
// whom it is shared, visitor for who has a guest link.
func (s *server) routes(e *echo.Echo) {
	e.Use(s.count, s.recoverPanics, s.secureHeaders, s.refuseCrossSite, s.capBody, s.someone)

	e.GET("/healthz", s.healthz)
	e.GET("/readyz", s.readyz)
	e.GET(staticPrefix+":hash/:file", s.assets.serve)
	e.GET(apiPrefix+"/openapi.json", s.openapi)
	e.POST(credential.ChallengePath, s.apiDeviceChallenge)
	e.POST(credential.TokenPath, s.apiDeviceToken)
	e.POST(credential.EnrolPath, s.apiEnrol)

	s.whepRoutes(e)
	s.adminAPI(e)

	page := e.Group("", s.loadLogin)
	page.GET("/", s.guest(s.front))
	page.GET("/claim", s.labelPage)
	page.GET("/signup", s.guest(s.signUpPage))
	page.POST("/signup", s.signUp)
	page.GET("/login", s.guest(s.logInPage))
	page.POST("/login", s.logIn)
	page.POST("/logout", s.logOut)
	page.GET("/setup", s.newcomer(s.setupPage))
	page.POST("/setup/confirm", s.newcomer(s.confirmSetup))
	page.POST("/setup/cancel", s.newcomer(s.cancelSetup))
	s.cameraPages(page)
	s.accountPages(page)
	s.sharingPages(page)
	s.adminPages(page)

	api := e.Group(apiPrefix, s.loadCaller)
	s.cameraAPI(api)
	s.accountAPI(api)
	s.sharingAPI(api)
	api.GET("/signal", s.ownOrigin(s.signalOf(s.loggedIn(s.signal), s.visitor(s.guestSignal))))
	api.POST("/signup", s.apiSignUp)
	api.POST("/signup/confirm", s.newcomer(s.apiConfirm))
	api.DELETE("/signup", s.newcomer(s.apiCancel))
	api.POST("/login", s.apiLogIn)
	api.POST("/logout", s.apiLogOut)
	api.GET("/account", s.loggedIn(s.apiAccount))
}

// cameraPages are those about the cameras of a person.
func (s *server) cameraPages(page *echo.Group) {
	page.GET("/home", s.member(s.home))
	page.POST("/notices/:notice/dismiss", s.member(s.dismissNotice))
	page.GET("/cameras/new", s.member(s.claimPage))
	page.POST("/cameras/new", s.member(s.claim))
	page.GET("/cameras/enroll", s.member(s.enrolPage))
	page.POST("/cameras/enroll", s.member(s.createEnrolment))
	page.GET("/cameras/:id", s.viewerCamera(s.watch))
	page.GET("/cameras/:id/settings", s.memberCamera(s.settings))
	page.GET("/cameras/:id/config", s.memberCamera(s.configPage))
	page.POST("/cameras/:id/config", s.memberCamera(s.saveConfig))
	page.POST("/cameras/:id/rename", s.memberCamera(s.rename))
	page.GET("/cameras/:id/identity", s.memberCamera(s.identityPage))
	page.POST("/cameras/:id/identity", s.memberCamera(s.acceptIdentity))
	page.GET("/cameras/:id/pairing", s.viewerCamera(s.pairingPage))
	page.GET("/cameras/:id/release", s.memberCamera(s.releasePage))
	page.POST("/cameras/:id/release", s.memberCamera(s.release))
	page.POST("/cameras/:id/tokens", s.memberCamera(s.createToken))
	page.POST("/cameras/:id/tokens/:token/revoke", s.memberCamera(s.revokeToken))
}

// cameraAPI is the same for programs.
func (s *server) cameraAPI(api *echo.Group) {
	api.GET("/cameras", s.member(s.apiCameras))
	api.POST("/cameras", s.member(s.apiClaim))
	api.POST("/enrolments", s.member(s.apiCreateEnrolment))
	api.GET("/cameras/:id", s.viewerCamera(s.apiCamera))
	api.PATCH("/cameras/:id", s.memberCamera(s.apiRename))
	api.DELETE("/cameras/:id", s.memberCamera(s.apiRelease))
	api.POST("/cameras/:id/snapshot", s.viewerCamera(s.apiSnapshot))
	api.GET("/cameras/:id/config", s.memberCamera(s.apiConfig))
	api.PUT("/cameras/:id/config", s.memberCamera(s.apiSetConfig))
	api.GET("/cameras/:id/privacy", s.memberCamera(s.apiPrivacy))
	api.PUT("/cameras/:id/privacy", s.memberCamera(s.apiSetPrivacy))
	api.GET("/cameras/:id/identity", s.memberCamera(s.apiIdentity))
	api.POST("/cameras/:id/identity", s.memberCamera(s.apiAcceptIdentity))
	api.GET("/cameras/:id/tokens", s.memberCamera(s.apiTokens))
	api.POST("/cameras/:id/tokens", s.memberCamera(s.apiCreateToken))
	api.DELETE("/cameras/:id/tokens/:token", s.memberCamera(s.apiRevokeToken))
}

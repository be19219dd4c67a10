package web

import "github.com/labstack/echo/v4"

// accountRoutes is what people do with their own account. proven wants a proof of who they are from the
// last ten minutes, too: the password or a passkey, not only the cookie.
func (s *server) accountRoutes(page, api *echo.Group) {
	page.GET("/account", s.member(s.accountPage))
	page.GET("/account/proof", s.member(s.proofPage))
	page.POST("/account/proof", s.member(s.prove))
	page.POST("/account/password", s.member(s.changePassword))
	page.POST("/account/logins/end", s.member(s.endLogins))
	page.POST("/account/logins/:login/end", s.member(s.endOneLogin))

	api.POST("/account/proof", s.member(s.apiProve))
	api.PUT("/account/password", s.member(s.apiChangePassword))
	api.GET("/account/logins", s.member(s.apiLogins))
	api.DELETE("/account/logins", s.member(s.apiEndLogins))
	api.DELETE("/account/logins/:login", s.member(s.apiEndLogin))
}

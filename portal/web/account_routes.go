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
	page.GET("/login/second", s.half(s.secondPage))
	page.POST("/login/second", s.half(s.second))
	page.GET("/account/codes", s.proven(s.offerCodes))
	page.POST("/account/codes", s.proven(s.confirmCodes))
	page.POST("/account/codes/remove", s.proven(s.removeCodes))
	page.GET("/account/recovery", s.proven(s.recoveryPage))
	page.POST("/account/recovery", s.proven(s.newRecovery))
	page.GET("/account/passkeys", s.proven(s.newPasskeyPage))
	page.POST("/account/passkeys/:passkey/rename", s.member(s.renamePasskey))
	page.POST("/account/passkeys/:passkey/remove", s.proven(s.removePasskey))

	api.POST("/login/second", s.half(s.apiSecond))
	api.POST("/login/second/passkey/options", s.half(s.apiPasskeySecondOptions))
	api.POST("/login/second/passkey", s.half(s.apiPasskeySecond))
	api.POST("/login/passkey/options", s.apiPasskeyLogInOptions)
	api.POST("/login/passkey", s.apiPasskeyLogIn)
	api.POST("/signup/passkey/options", s.apiPasskeySignUpOptions)
	api.POST("/signup/passkey", s.apiPasskeySignUp)
	api.POST("/account/proof/passkey/options", s.member(s.apiPasskeyProofOptions))
	api.POST("/account/proof/passkey", s.member(s.apiPasskeyProof))
	api.GET("/account/factors", s.member(s.apiFactors))
	api.POST("/account/codes", s.proven(s.apiOfferCodes))
	api.POST("/account/codes/confirm", s.proven(s.apiConfirmCodes))
	api.DELETE("/account/codes", s.proven(s.apiRemoveCodes))
	api.POST("/account/recovery", s.proven(s.apiNewRecovery))
	api.POST("/account/passkeys/options", s.proven(s.apiNewPasskeyOptions))
	api.POST("/account/passkeys", s.proven(s.apiNewPasskey))
	api.PATCH("/account/passkeys/:passkey", s.member(s.apiRenamePasskey))
	api.DELETE("/account/passkeys/:passkey", s.proven(s.apiRemovePasskey))

	api.POST("/account/proof", s.member(s.apiProve))
	api.PUT("/account/password", s.member(s.apiChangePassword))
	api.GET("/account/logins", s.member(s.apiLogins))
	api.DELETE("/account/logins", s.member(s.apiEndLogins))
	api.DELETE("/account/logins/:login", s.member(s.apiEndLogin))
}

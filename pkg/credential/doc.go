// Package credential holds who is who on the wire: camera ids and claim codes, the key each camera
// proves itself with, the signed tokens MQTT clients present, and what each may do.
//
//	master key ──HKDF(camera id, version)──▶ device key      32 bytes, on the camera, mode 0600
//	device key ──HMAC(nonce, id, fingerprint)──▶ proof       over HTTPS, once per token
//	proof ──▶ token: JWT HS256 {sub, aud, iat, exp, jti, acl}  the MQTT password, user name = sub
//
// The broker accepts a token whose sub is the user name and the client id (or the client id's part
// before the first dot), and allows what both the identity's rules and the token's acl allow.
package credential

package credential

import "seccam/pkg/signaling"

// Paths of the two requests by which a camera obtains its MQTT token, and of the one by which a new camera becomes
// somebody's, below the portal's URL.
const (
	ChallengePath = "/api/v1/device/challenge"
	TokenPath     = "/api/v1/device/token"
	EnrolPath     = "/api/v1/device/enroll"
)

// EnrolRequest makes a camera, which has made its id and its certificate by itself, that of whoever made the token.
type EnrolRequest struct {
	Token       string `json:"token"`
	Camera      string `json:"camera"`
	Fingerprint string `json:"fingerprint"`
	Name        string `json:"name,omitempty"`
}

// EnrolResponse has the camera's device key, in hexadecimal.
type EnrolResponse struct {
	Camera    string `json:"camera"`
	DeviceKey string `json:"device_key"`
}

// ChallengeRequest asks for a nonce. The answer does not depend on whether the camera exists.
type ChallengeRequest struct {
	Camera string `json:"camera"`
}

// Challenge is a nonce, usable once and until it expires.
type Challenge struct {
	Nonce     string `json:"nonce"`
	ExpiresIn int    `json:"expires_in"` // seconds
}

// TokenRequest answers a challenge. Proof is [Proof] in hexadecimal.
type TokenRequest struct {
	Camera      string `json:"camera"`
	Nonce       string `json:"nonce"`
	Fingerprint string `json:"fingerprint"`
	Proof       string `json:"proof"`
	// ICE asks for ICE servers, too: a camera that checks itself tries them. Views bring their own.
	ICE bool `json:"ice,omitempty"`
}

// TokenResponse is what a camera needs to connect to the broker.
type TokenResponse struct {
	Token    string `json:"token"`
	Username string `json:"username"`
	ClientID string `json:"client_id"`
	MQTTURL  string `json:"mqtt_url"`
	// MQTTURLs are all addresses of a broker that has several, in the order in which to try them.
	MQTTURLs []string `json:"mqtt_urls,omitempty"`
	// ExpiresIn is in seconds. A camera without a clock counts from when it received this.
	ExpiresIn int `json:"expires_in"`
	// ReconnectWithin is in seconds: when the broker has closed its connection, the camera comes back at a random
	// moment within it, as all others do.
	ReconnectWithin int `json:"reconnect_within,omitempty"`
	// ServerTime is the portal's clock, Unix milliseconds, against which message ages are judged.
	ServerTime int64 `json:"server_time"`
	// ICEServers are those that were asked for, with credentials of the camera's own.
	ICEServers []signaling.ICEServer `json:"ice_servers,omitempty"`
}

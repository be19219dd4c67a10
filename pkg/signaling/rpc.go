package signaling

// The methods of a camera, each the last level of its topic.
const (
	MethodSnapshot = "snapshot" // [SnapshotRequest]; the reply is the picture itself, or sealed
	MethodPrivacy  = "privacy"  // [PrivacyRequest], [PrivacyReply]
	MethodPing     = "ping"     // [PingRequest], [PingReply]
	MethodInfo     = "info"     // [InfoRequest], [InfoReply]
	MethodLogs     = "logs"     // [LogsRequest], [LogsReply]
	MethodSelftest = "selftest" // [SelftestRequest], [SelftestReply]
	MethodRestart  = "restart"  // [RestartRequest], [RestartReply]
	MethodConfig   = "config"   // [ConfigRequest], [ConfigReported]
)

// The Content Type of a reply (MQTT 5, 3.3.2.3.9). An error reply is JSON, whatever the method.
const (
	ContentJSON   = "application/json"
	ContentJPEG   = "image/jpeg"
	ContentSealed = "application/octet-stream" // a JPEG sealed with the asker's key
)

// Size limits in bytes. A reply leaves room for its topics in a packet of the broker's 64 KiB.
const (
	MaxRequest     = 4 << 10
	MaxReply       = 48 << 10
	MaxCorrelation = 128
)

// The width of a snapshot in pixels; its height follows the picture's shape.
const (
	SnapshotMinWidth     = 64
	SnapshotDefaultWidth = 640
	SnapshotMaxWidth     = 1280
)

// SnapshotRequest asks a camera for one JPEG picture.
type SnapshotRequest struct {
	V     int `json:"v"`
	Width int `json:"width,omitempty"` // at most; 0 is [SnapshotDefaultWidth]
	// Key is the asker's ephemeral ECDH P-256 public key, an uncompressed point (65 bytes), in JSON as
	// base64. With it only the asker can open the picture; without it the picture travels as it is.
	Key []byte `json:"key,omitempty"`
}

// PrivacyRequest asks for the privacy settings, or sets them.
type PrivacyRequest struct {
	V int `json:"v"`
	// Seq is the portal's Unix time in microseconds; required with Settings. See [Fresh].
	Seq      uint64           `json:"seq,omitempty"`
	Settings *PrivacySettings `json:"settings,omitempty"`
}

// PrivacyReply is the state of a camera's privacy mode, after the change if there was one.
type PrivacyReply struct {
	V        int             `json:"v"`
	Settings PrivacySettings `json:"settings"`
	Active   bool            `json:"active"`
	// Until is when Active changes by itself, in Unix milliseconds; 0 if it does not.
	Until int64 `json:"until,omitempty"`
	// Text says the state in words.
	Text string `json:"text"`
}

// ErrorReply is the reply to a request that failed.
type ErrorReply struct {
	V     int    `json:"v"`
	Error *Error `json:"error"`
}

package signaling

// PingRequest asks whether the camera answers.
type PingRequest struct {
	V int `json:"v"`
}

// PingReply says that it does.
type PingReply struct {
	V      int    `json:"v"`
	At     int64  `json:"at"` // Unix milliseconds by the portal's clock
	Boot   string `json:"boot"`
	Uptime int64  `json:"uptime"` // seconds since camerad started
}

// InfoRequest asks what the camera is and how it is.
type InfoRequest struct {
	V int `json:"v"`
}

// InfoReply describes a camera.
type InfoReply struct {
	V           int         `json:"v"`
	At          int64       `json:"at"` // Unix milliseconds by the portal's clock
	Camera      string      `json:"camera"`
	Version     string      `json:"version"` // of camerad
	Go          string      `json:"go"`
	System      string      `json:"system"`          // operating system and architecture
	Model       string      `json:"model,omitempty"` // of the device, where it says
	Boot        string      `json:"boot"`
	Uptime      int64       `json:"uptime"` // seconds since camerad started
	Portal      string      `json:"portal"`
	Fingerprint string      `json:"fingerprint"` // of the camera's certificate
	Source      string      `json:"source"`
	Picture     Picture     `json:"picture"`
	Detail      string      `json:"detail,omitempty"` // what is wrong with the source
	Width       int         `json:"width"`
	Height      int         `json:"height"`
	Viewers     int         `json:"viewers"`
	MaxViewers  int         `json:"max_viewers"`
	Connections Connections `json:"connections"`
	Addresses   []string    `json:"addresses"`
	Methods     []string    `json:"methods"` // that this camera has
}

// Levels of a log.
const (
	LevelDebug = "debug"
	LevelInfo  = "info"
	LevelWarn  = "warn"
	LevelError = "error"
)

// MaxLogLines is the most lines that one reply has.
const MaxLogLines = 200

// LogsRequest asks for the last lines of the camera's log.
type LogsRequest struct {
	V     int    `json:"v"`
	Level string `json:"level,omitempty"` // at least; one of the Level constants, info if absent
	Since int64  `json:"since,omitempty"` // Unix milliseconds by the portal's clock
	Limit int    `json:"limit,omitempty"` // lines, up to [MaxLogLines]; 50 if absent
}

// LogsReply holds the last lines that were asked for, the oldest first.
type LogsReply struct {
	V     int       `json:"v"`
	Lines []LogLine `json:"lines"`
	// More says that there were more such lines than fit, or were asked for.
	More bool `json:"more"`
}

// LogLine is one line of a log.
type LogLine struct {
	At    int64  `json:"at"` // Unix milliseconds by the portal's clock
	Level string `json:"level"`
	Text  string `json:"text"`
}

// SelftestRequest has the camera check itself and all that it needs.
type SelftestRequest struct {
	V int `json:"v"`
}

// SelftestReply says what was found.
type SelftestReply struct {
	V      int         `json:"v"`
	At     int64       `json:"at"`     // Unix milliseconds by the portal's clock
	Result CheckResult `json:"result"` // the worst of the checks'
	Checks []Check     `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	Name   string      `json:"name"`
	Result CheckResult `json:"result"`
	Seen   string      `json:"seen"`           // for a person
	Next   string      `json:"next,omitempty"` // what to do, unless it is well
}

// CheckResult is how a check came out.
type CheckResult string

// The results, the better ones first.
const (
	CheckOK      CheckResult = "ok"
	CheckSkipped CheckResult = "skipped" // it could not be tried, for the reason that is seen
	CheckWarn    CheckResult = "warn"
	CheckFail    CheckResult = "fail"
)

// RestartRequest has camerad, or the source alone, begin anew.
type RestartRequest struct {
	V int `json:"v"`
	// Seq is Unix time in microseconds; see [Fresh].
	Seq  uint64 `json:"seq"`
	What string `json:"what"` // one of the Restart constants
}

// What can be restarted.
const (
	RestartDaemon = "daemon" // camerad: every view ends, and the camera is back within seconds
	RestartSource = "source" // what gives the picture; views go on
)

// RestartReply says that the restart begins.
type RestartReply struct {
	V    int    `json:"v"`
	What string `json:"what"`
	Text string `json:"text"`
}

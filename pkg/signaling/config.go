package signaling

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// MaxConfig is the largest payload of a desired or reported configuration in bytes.
const MaxConfig = 4 << 10

// ConfigDesired is what a camera is to be set to: retained on config/desired, or as a request. Keys that it
// does not have are as the camera's own configuration file says.
type ConfigDesired struct {
	V int `json:"v"`
	// Revision is greater than the one before: Unix time in microseconds, by the portal's clock. A camera
	// takes each once.
	Revision uint64         `json:"revision"`
	Values   map[string]any `json:"values"`
}

// ConfigReported is how a camera is set: retained on config/reported.
type ConfigReported struct {
	V        int            `json:"v"`
	At       int64          `json:"at"`       // Unix milliseconds by the portal's clock
	Revision uint64         `json:"revision"` // the last that was applied; 0 is none
	Set      map[string]any `json:"set"`      // what that revision set
	Values   map[string]any `json:"values"`   // what is in effect, of all keys
	// Refused is the last revision that was not applied, unless a later one was.
	Refused *ConfigRefusal `json:"refused,omitempty"`
	// Trying is the revision that is being applied.
	Trying uint64 `json:"trying,omitempty"`
}

// ConfigRefusal says why a revision was not applied. Nothing of it was.
type ConfigRefusal struct {
	Revision uint64 `json:"revision"`
	// Reasons are by key; those of the whole have the key "".
	Reasons map[string]string `json:"reasons"`
}

// Latest is the newest revision that the camera has decided about.
func (r ConfigReported) Latest() uint64 {
	if r.Refused != nil {
		return max(r.Revision, r.Refused.Revision)
	}
	return r.Revision
}

// ConfigRequest asks for what is reported or, with Values, has them applied.
type ConfigRequest struct {
	V      int            `json:"v"`
	Seq    uint64         `json:"seq,omitempty"` // the revision; required with Values. See [Fresh].
	Values map[string]any `json:"values,omitempty"`
}

// ConfigKey is a key of camerad's configuration that may be set from afar, and what it takes: a whole
// number, a duration such as "1s", or one of several words. Keys that name the portal, secrets, files or
// programs are none of these.
type ConfigKey struct {
	Name  string // as in the configuration file
	Label string // for people
	// Unit is in what people read a number, of which one is Per; durations are read in seconds.
	Unit              string
	Per               int
	Min, Max          int
	Even              bool
	Shortest, Longest time.Duration
	Options           []string
}

// ConfigKeys are all of them, in the order in which people read them.
var ConfigKeys = []ConfigKey{
	{Name: "video.width", Label: "Width", Unit: "pixels", Per: 1, Min: 160, Max: 3840, Even: true},
	{Name: "video.height", Label: "Height", Unit: "pixels", Per: 1, Min: 90, Max: 2160, Even: true},
	{Name: "video.fps", Label: "Pictures a second", Per: 1, Min: 1, Max: 60},
	{Name: "video.bitrate", Label: "Bitrate, at most", Unit: "kbit/s", Per: 1000, Min: 50_000, Max: 20_000_000},
	{Name: "video.key_frame_interval", Label: "A key frame every", Shortest: 250 * time.Millisecond, Longest: 10 * time.Second},
	{Name: "max_viewers", Label: "Viewers, at most", Per: 1, Min: 1, Max: 1000},
	{Name: "telemetry_interval", Label: "Measures every", Shortest: 5 * time.Second, Longest: time.Hour},
	{Name: "log_level", Label: "Log level", Options: []string{LevelDebug, LevelInfo, LevelWarn, LevelError}},
}

// FindConfigKey returns the key of a name.
func FindConfigKey(name string) (ConfigKey, bool) {
	i := slices.IndexFunc(ConfigKeys, func(k ConfigKey) bool { return k.Name == name })
	if i < 0 {
		return ConfigKey{}, false
	}
	return ConfigKeys[i], true
}

// CheckConfig says what is wrong with values, by key; it is empty if they can be set.
func CheckConfig(values map[string]any) map[string]string {
	problems := map[string]string{}
	for name, value := range values {
		key, known := FindConfigKey(name)
		if !known {
			problems[clipKey(name)] = "This cannot be set from afar."
			continue
		}
		if problem := key.check(value); problem != "" {
			problems[name] = problem
		}
	}
	return problems
}

// clipKey keeps what somebody else wrote from filling an answer.
func clipKey(name string) string {
	plain := func(r rune) rune {
		if r == '.' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '?'
	}
	return strings.Map(plain, fmt.Sprintf("%.64s", name))
}

func (k ConfigKey) check(value any) string {
	switch {
	case k.Options != nil:
		if word, ok := value.(string); !ok || !slices.Contains(k.Options, word) {
			return fmt.Sprintf("It is one of %v.", k.Options)
		}
	case k.Longest > 0:
		text, ok := value.(string)
		d, err := time.ParseDuration(text)
		if !ok || err != nil || d < k.Shortest || d > k.Longest {
			return fmt.Sprintf("It is a duration from %v to %v, such as \"1s\".", k.Shortest, k.Longest)
		}
	default:
		number, ok := value.(float64) // as JSON has it
		if !ok || number != math.Trunc(number) || number < float64(k.Min) || number > float64(k.Max) {
			return fmt.Sprintf("It is a whole number from %d to %d.", k.Min, k.Max)
		}
		if k.Even && int(number)%2 != 0 {
			return "It is an even number."
		}
	}
	return ""
}

// DecodeConfigDesired parses a document of at most [MaxConfig] bytes. Its values are not checked; see
// [CheckConfig].
func DecodeConfigDesired(data []byte) (ConfigDesired, error) {
	var d ConfigDesired
	err := decodeSmall("configuration", data, MaxConfig, &d, &d.V)
	if err == nil && (d.Revision == 0 || d.Values == nil) {
		err = missing("revision or values")
	}
	if err != nil {
		return ConfigDesired{}, err
	}
	return d, nil
}

// DecodeConfigReported parses a document of at most [MaxConfig] bytes.
func DecodeConfigReported(data []byte) (ConfigReported, error) {
	var r ConfigReported
	if err := decodeSmall("configuration", data, MaxConfig, &r, &r.V); err != nil {
		return ConfigReported{}, err
	}
	return r, nil
}

// ConfigDesiredTopic returns the retained topic of what a camera is to be set to.
func ConfigDesiredTopic(camera string) string { return Root + camera + "/config/desired" }

// ConfigReportedTopic returns the retained topic of how a camera is set.
func ConfigReportedTopic(camera string) string { return Root + camera + "/config/reported" }

// AllConfigReportedFilter matches every camera's: what a portal subscribes to.
func AllConfigReportedFilter() string { return Root + "+/config/reported" }

package signaling

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRPCTopics(t *testing.T) {
	for topic, want := range map[string]Topic{
		RPCTopic(testCamera, MethodSnapshot): {Kind: KindRPC, Camera: testCamera, Name: "snapshot"},
		ReplyTopic(testCamera, "portal-p1"):  {Kind: KindReply, Camera: testCamera, Name: "portal-p1"},
	} {
		parsed, err := ParseTopic(topic)
		require.NoError(t, err)
		assert.Equal(t, want, parsed)
	}
	assert.Equal(t, "seccam/v1/cameras/+/replies/portal-p1", RepliesFilter("portal-p1"))
	assert.Equal(t, "seccam/v1/cameras/"+testCamera+"/rpc/+", RPCFilter(testCamera))
}

func nightly() PrivacySettings {
	return PrivacySettings{Zone: "Europe/Berlin", Schedule: []PrivacySpan{{Days: []string{"fri", "sat"}, From: "22:00", To: "07:00"}}}
}

func TestPrivacyProblems(t *testing.T) {
	require.Empty(t, PrivacySettings{}.Problems(), "the zero value is never")
	require.Empty(t, nightly().Problems())
	for field, spoil := range map[string]func(*PrivacySettings){
		"zone":            func(s *PrivacySettings) { s.Zone = "Europe/Nowhere" },
		"schedule":        func(s *PrivacySettings) { s.Schedule = make([]PrivacySpan, MaxSpans+1) },
		"schedule.0.days": func(s *PrivacySettings) { s.Schedule[0].Days = nil },
		"schedule.0.from": func(s *PrivacySettings) { s.Schedule[0].From = "7:00" },
		"schedule.0.to":   func(s *PrivacySettings) { s.Schedule[0].To = "24:00" },
	} {
		s := nightly()
		spoil(&s)
		problems := s.Problems()
		assert.Len(t, problems, 1, field)
		assert.NotEmpty(t, problems[field], field)
	}
	for _, zone := range []string{"", "Local", "../etc/passwd", "/etc/localtime", strings.Repeat("x", 10_000)} {
		s := nightly()
		s.Zone = zone
		assert.Contains(t, s.Problems(), "zone", zone)
	}
	for _, days := range [][]string{{"Mon"}, {"mon", "someday"}, make([]string, 8)} {
		s := nightly()
		s.Schedule[0].Days = days
		assert.Contains(t, s.Problems(), "schedule.0.days", days)
	}
	for _, at := range []string{"", "00:60", "0000", "07:00 ", "-1:00", "+1:00", "٠٧:٠٠"} {
		_, ok := ParseTimeOfDay(at)
		assert.False(t, ok, at)
	}
	minutes, ok := ParseTimeOfDay("23:59")
	assert.True(t, ok)
	assert.Equal(t, 23*60+59, minutes)
}

func TestWeekdays(t *testing.T) {
	for i, day := range Days {
		weekday, ok := Weekday(day)
		assert.True(t, ok)
		assert.Equal(t, day, strings.ToLower(weekday.String()[:3]))
		assert.Equal(t, time.Weekday((i+1)%7), weekday)
	}
	_, ok := Weekday("")
	assert.False(t, ok)
}

// Absent is not off: half a setting must not switch a camera on.
func TestPrivacySettingsNeedOn(t *testing.T) {
	var s PrivacySettings
	for _, data := range []string{`{}`, `{"schedule":[],"zone":""}`, `{"on":null}`, `{"on":"true"}`, `[]`, `{"on":1}`} {
		assert.Error(t, json.Unmarshal([]byte(data), &s), data)
	}
	require.NoError(t, json.Unmarshal([]byte(`{"on":true}`), &s))
	assert.True(t, s.On)
	data, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"on":true,"schedule":[],"zone":""}`, string(data))
}

// What the code refuses the document refuses, and the other way round, but for the zones' names.
func TestAsyncAPIMethods(t *testing.T) {
	a := readAsyncAPI(t)
	key := make([]byte, 65)
	for schema, list := range map[string][]any{
		"SnapshotRequest": {SnapshotRequest{V: 1}, SnapshotRequest{V: 1, Width: SnapshotMinWidth, Key: key}, SnapshotRequest{V: 1, Width: SnapshotMaxWidth}},
		"PrivacyRequest":  {PrivacyRequest{V: 1}, PrivacyRequest{V: 1, Seq: 1, Settings: &PrivacySettings{On: true}}},
		"PrivacyReply":    {PrivacyReply{V: 1, Settings: nightly(), Active: true, Until: 1, Text: "x"}, PrivacyReply{V: 1}},
		"ErrorReply":      {ErrorReply{V: 1, Error: &Error{Code: CodeMethod, Message: "x", RetryAfter: 1}}},
		"PingRequest":     {PingRequest{V: 1}},
		"PingReply":       {PingReply{V: 1, At: 1, Boot: "b"}},
		"InfoRequest":     {InfoRequest{V: 1}},
		"InfoReply":       {InfoReply{V: 1, Camera: testCamera, Picture: PictureLive, MaxViewers: 1, Addresses: []string{}, Methods: []string{MethodPing}}},
		"LogsRequest":     {LogsRequest{V: 1}, LogsRequest{V: 1, Level: LevelWarn, Since: 1, Limit: MaxLogLines}},
		"LogsReply":       {LogsReply{V: 1, Lines: []LogLine{{At: 1, Level: LevelInfo, Text: "x"}}}},
		"SelftestRequest": {SelftestRequest{V: 1}},
		"SelftestReply":   {SelftestReply{V: 1, Result: CheckFail, Checks: []Check{{Name: "dns", Result: CheckSkipped, Seen: "x", Next: "y"}}}},
		"RestartRequest":  {RestartRequest{V: 1, Seq: 1, What: RestartSource}},
		"RestartReply":    {RestartReply{V: 1, What: RestartDaemon, Text: "x"}},
		"ConfigDesired":   {ConfigDesired{V: 1, Revision: 1, Values: map[string]any{"video.fps": 15, "log_level": "warn"}}},
		"ConfigReported":  {ConfigReported{V: 1, Set: map[string]any{}, Values: map[string]any{}, Refused: &ConfigRefusal{Revision: 1, Reasons: map[string]string{"": "x"}}, Trying: 2}},
		"ConfigRequest":   {ConfigRequest{V: 1}, ConfigRequest{V: 1, Seq: 1, Values: map[string]any{"max_viewers": 2}}},
		"Telemetry":       {Telemetry{V: 1, Picture: PictureResting}},
		"Event":           {Event{V: 1, Kind: EventStarted, Text: "x"}},
	} {
		for _, value := range list {
			data, err := json.Marshal(value)
			require.NoError(t, err)
			assert.NoError(t, a.visit(t, schema, data), "%s", data)
		}
	}
	for _, data := range []string{`{"v":1,"width":63}`, `{"v":1,"width":1281}`, `{"v":1,"key":"AA=="}`, `{"width":64}`} {
		assert.Error(t, a.visit(t, "SnapshotRequest", []byte(data)), data)
	}
	for schema, bad := range map[string]string{
		"LogsRequest": `{"v":1,"level":"loud"}`, "RestartRequest": `{"v":1,"seq":1,"what":"portal"}`, "SelftestReply": `{"v":1,"at":1,"result":"well","checks":[]}`,
		"Telemetry": `{"v":1}`, "Event": `{"v":2,"at":1,"kind":"started","text":""}`, "PingReply": `{"v":1,"at":1}`,
	} {
		assert.Error(t, a.visit(t, schema, []byte(bad)), bad)
	}
	for _, span := range []PrivacySpan{
		{Days: []string{"mon"}, From: "00:00", To: "00:00"}, {Days: nil, From: "00:00", To: "01:00"}, {Days: []string{"Mon"}, From: "00:00", To: "01:00"},
		{Days: Days, From: "24:00", To: "01:00"}, {Days: Days, From: "23:59", To: "1:00"}, {Days: append(Days[:7:7], "mon"), From: "23:59", To: "11:00"},
	} {
		s := PrivacySettings{Zone: "UTC", Schedule: []PrivacySpan{span}}
		data, err := json.Marshal(s)
		require.NoError(t, err)
		assert.Equal(t, len(s.Problems()) == 0, a.visit(t, "PrivacySettings", data) == nil, "%s", data)
	}
}

func values(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}

// contentTypes are those of all messages that name one.
func (a *asyncAPI) contentTypes() []any {
	var types []string
	for _, message := range a.Components.Messages {
		if message.ContentType != "" && !slices.Contains(types, message.ContentType) {
			types = append(types, message.ContentType)
		}
	}
	return values(types)
}

func FuzzPrivacySettings(f *testing.F) {
	for _, s := range []PrivacySettings{{}, {On: true}, nightly()} {
		data, err := json.Marshal(s)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"on":false,"schedule":[{"days":["mon"],"from":"00:00","to":"24:00"}],"zone":"\u0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s PrivacySettings
		if json.Unmarshal(data, &s) != nil || len(s.Problems()) > 0 {
			return
		}
		again, err := json.Marshal(s)
		require.NoError(t, err)
		var back PrivacySettings
		require.NoError(t, json.Unmarshal(again, &back))
		require.Empty(t, back.Problems())
		_, err = back.Location()
		require.NoError(t, err)
	})
}

func FuzzDecodeTelemetry(f *testing.F) {
	f.Add([]byte(`{"v":1,"at":1,"picture":"live","connections":{"direct":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if telemetry, err := DecodeTelemetry(data); err == nil {
			require.Equal(t, Version, telemetry.V)
			require.LessOrEqual(t, len(data), MaxTelemetry)
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(`{"v":1,"at":1,"kind":"source_lost","text":"unplugged"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if event, err := DecodeEvent(data); err == nil {
			_, err := ParseTopic(EventTopic(testCamera, event.Kind))
			if len(event.Kind) < 64 { // longer ones exceed a topic's length
				require.NoError(t, err)
			}
		}
	})
}

func TestDecodeTelemetryAndEvents(t *testing.T) {
	telemetry, err := DecodeTelemetry([]byte(`{"v":1,"fps":29.5,"connections":{"relay":2}}`))
	require.NoError(t, err)
	require.Equal(t, Telemetry{V: 1, FPS: 29.5, Connections: Connections{Relay: 2}}, telemetry)
	event, err := DecodeEvent([]byte(`{"v":1,"at":3,"kind":"restart","text":"x"}`))
	require.NoError(t, err)
	require.Equal(t, Event{V: 1, At: 3, Kind: EventRestart, Text: "x"}, event)
	for _, bad := range []string{``, `[]`, `{"v":2}`, `{"v":1,"at":"now"}`, `{"v":1,"text":"` + strings.Repeat("x", MaxTelemetry) + `"}`} {
		_, err := DecodeTelemetry([]byte(bad))
		require.Error(t, err, bad)
		_, err = DecodeEvent([]byte(bad))
		require.Error(t, err, bad)
	}
	_, err = DecodeEvent([]byte(`{"v":1,"kind":"a/b"}`))
	require.ErrorIs(t, err, ErrBadMessage)
}

// What the code takes the document takes, key by key, at the bounds and beyond.
func TestConfigKeysAreThoseOfTheDocument(t *testing.T) {
	a := readAsyncAPI(t)
	var names []string
	for _, key := range ConfigKeys {
		names = append(names, key.Name)
		assert.NotEmpty(t, key.Label, key.Name)
	}
	assert.ElementsMatch(t, names, keys(a.schemas["ConfigValues"].Value.Properties))
	for _, values := range []string{
		`{"video.width":160}`, `{"video.width":158}`, `{"video.width":161}`, `{"video.width":3840}`, `{"video.width":3842}`, `{"video.width":"640"}`, `{"video.width":640.5}`,
		`{"video.height":90}`, `{"video.height":88}`, `{"video.height":2160}`, `{"video.height":91}`, `{"video.fps":1}`, `{"video.fps":0}`, `{"video.fps":60}`, `{"video.fps":61}`,
		`{"video.bitrate":50000}`, `{"video.bitrate":49999}`, `{"video.bitrate":20000001}`, `{"max_viewers":1000}`, `{"max_viewers":1001}`, `{"max_viewers":0}`,
		`{"log_level":"warn"}`, `{"log_level":"loud"}`, `{"log_level":1}`, `{"telemetry_interval":"5s"}`, `{"telemetry_interval":5}`, `{"source":"auto"}`, `{"":1}`, `{}`,
	} {
		var parsed map[string]any
		require.NoError(t, json.Unmarshal([]byte(values), &parsed))
		assert.Equal(t, len(CheckConfig(parsed)) == 0, a.visit(t, "ConfigValues", []byte(values)) == nil, values)
	}
	for text, good := range map[string]bool{"250ms": true, "10s": true, "249ms": false, "11s": false, "": false, "soon": false, "1": false} {
		assert.Equal(t, good, len(CheckConfig(map[string]any{"video.key_frame_interval": text})) == 0, text)
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(`{"v":1,"revision":1,"values":{"video.fps":15}}`))
	f.Add([]byte(`{"v":1,"at":1,"revision":1,"set":{},"values":{},"refused":{"revision":2,"reasons":{"":"x"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := DecodeConfigDesired(data); err == nil {
			require.NotZero(t, d.Revision)
			for key, problem := range CheckConfig(d.Values) {
				require.LessOrEqual(t, len(key), 64)
				require.NotEmpty(t, problem)
			}
		}
		if r, err := DecodeConfigReported(data); err == nil {
			require.GreaterOrEqual(t, r.Latest(), r.Revision)
		}
	})
}

package signaling

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const testViewer ViewerID = "0123456789abcdefghjkmnpqrstvwxyz"

var testSession = testViewer.Session(1)

func TestDecodeAcceptsEachType(t *testing.T) {
	mid := "0"
	for _, m := range []Message{
		{Type: TypeOffer, Session: testSession, SDP: "v=0", ICEServers: []ICEServer{{URLs: []string{"stun:h"}}}},
		{Type: TypeAnswer, Session: testSession, SDP: "v=0"},
		{Type: TypeCandidate, Session: testSession, Candidate: &Candidate{Candidate: "candidate:1", SDPMid: &mid}},
		{Type: TypeCandidate, Session: testSession, Candidate: &Candidate{}}, // the end of candidates
		{Type: TypeBye, Session: testSession, Reason: ReasonLeft},
		{Type: TypeRestart, Session: testSession},
		{Type: TypeError, Error: &Error{Code: CodeBusy, Message: "full", RetryAfter: 5}},
		{Type: TypeWelcome, Viewer: testViewer},
		{Type: TypeStages, Session: testSession, Stages: &StageTimes{Answer: 20, Connected: 20, Frame: MaxStage}},
		{Type: TypeStatus, Camera: "c", Presence: &Presence{Online: true, State: StateOnline}},
	} {
		data, err := Encode(m)
		require.NoError(t, err, m.Type)
		back, err := Decode(data)
		require.NoError(t, err, m.Type)
		m.V = Version
		require.Equal(t, m, back)
	}
}

func TestDecodeRefuses(t *testing.T) {
	session := string(testSession)
	for name, tc := range map[string]struct {
		data string
		want error
	}{
		"empty":              {"", ErrBadMessage},
		"not JSON":           {"hello", ErrBadMessage},
		"truncated":          {`{"v":1,"type":"bye"`, ErrBadMessage},
		"array":              {`[1]`, ErrBadMessage},
		"wrong field type":   {`{"v":1,"type":"bye","session":7}`, ErrBadMessage},
		"two documents":      {`{"v":1,"type":"bye","session":"` + session + `"}{}`, ErrBadMessage},
		"no version":         {`{"type":"bye","session":"` + session + `"}`, ErrVersion},
		"future version":     {`{"v":2,"type":"bye","session":"` + session + `"}`, ErrVersion},
		"no type":            {`{"v":1}`, ErrBadMessage},
		"unknown type":       {`{"v":1,"type":"launch"}`, ErrBadMessage},
		"offer without SDP":  {`{"v":1,"type":"offer","session":"` + session + `"}`, ErrBadMessage},
		"no session":         {`{"v":1,"type":"offer","sdp":"x"}`, ErrBadMessage},
		"session with slash": {`{"v":1,"type":"bye","session":"a/b"}`, ErrBadMessage},
		"session with plus":  {`{"v":1,"type":"bye","session":"+"}`, ErrBadMessage},
		"candidate missing":  {`{"v":1,"type":"candidate","session":"` + session + `"}`, ErrBadMessage},
		"error without code": {`{"v":1,"type":"error","error":{}}`, ErrBadMessage},
		"no stages":          {`{"v":1,"type":"stages","session":"` + session + `"}`, ErrBadMessage},
		"stages backwards":   {`{"v":1,"type":"stages","session":"` + session + `","stages":{"offer":2,"answer":1,"connected":3,"frame":4}}`, ErrBadMessage},
		"stages negative":    {`{"v":1,"type":"stages","session":"` + session + `","stages":{"offer":-1,"answer":1,"connected":3,"frame":4}}`, ErrBadMessage},
		"stages too long":    {`{"v":1,"type":"stages","session":"` + session + `","stages":{"frame":60001}}`, ErrBadMessage},
		"deep nesting":       {strings.Repeat("[", 20000), ErrBadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tc.data))
			require.ErrorIs(t, err, tc.want)
		})
	}
}

func TestAbuse27_OversizedMessageIsRefused(t *testing.T) {
	for name, m := range map[string]Message{
		"sdp":       {Type: TypeOffer, Session: testSession, SDP: strings.Repeat("x", MaxSDP+1)},
		"candidate": {Type: TypeCandidate, Session: testSession, Candidate: &Candidate{Candidate: strings.Repeat("x", MaxCandidate+1)}},
		"reason":    {Type: TypeBye, Session: testSession, Reason: strings.Repeat("x", MaxText+1)},
		"servers":   {Type: TypeOffer, Session: testSession, SDP: "x", ICEServers: make([]ICEServer, MaxICEServers+1)},
	} {
		t.Run(name, func(t *testing.T) {
			m.V = Version
			data, err := json.Marshal(m)
			require.NoError(t, err)
			_, err = Decode(data)
			require.ErrorIs(t, err, ErrBadMessage)
			_, err = Encode(m)
			require.ErrorIs(t, err, ErrBadMessage)
		})
	}
	_, err := Decode([]byte(`{"v":1,"type":"bye","session":"` + string(testSession) + `","x":"` + strings.Repeat("x", MaxMessage) + `"}`))
	require.ErrorIs(t, err, ErrBadMessage)
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	m, err := Decode([]byte(`{"v":1,"type":"bye","session":"` + string(testSession) + `","user":"admin","from":"x"}`))
	require.NoError(t, err)
	require.Equal(t, TypeBye, m.Type)
}

func TestSessionIDs(t *testing.T) {
	require.True(t, testSession.Valid())
	require.Equal(t, testViewer, testSession.Viewer())
	for _, bad := range []SessionID{
		"", "-1", SessionID(testViewer), testViewer.Session(0), testViewer.Session(-1), testViewer.Session(1_000_000),
		SessionID(testViewer + "-01"), SessionID(testViewer + "-1-1"), SessionID(testViewer + "-x"),
		SessionID(strings.ToUpper(string(testViewer)) + "-1"),
	} {
		require.False(t, bad.Valid(), bad)
	}
}

func TestStatusOfAnEarlierConnectionDoesNotSupersede(t *testing.T) {
	online := Status{Online: true, Boot: "b", Connection: 2}
	for _, tc := range []struct {
		name string
		next Status
		want bool
	}{
		{"will of the connection before", Status{Boot: "b", Connection: 1}, false},
		{"will of this connection", Status{Boot: "b", Connection: 2}, true},
		{"status repeated", Status{Online: true, Boot: "b", Connection: 2}, true},
		{"a restarted camera", Status{Online: true, Boot: "c", Connection: 1}, true},
		{"a copy from the connection before", Status{Online: true, Boot: "b", Connection: 1}, false},
		{"will of an earlier process", Status{Boot: "a", Connection: 7}, false},
	} {
		require.Equal(t, tc.want, tc.next.Supersedes(online), tc.name)
	}
	require.True(t, Status{Boot: "b", Connection: 1}.Supersedes(Status{}), "what is known at first")
	require.True(t, Status{Boot: "c", Connection: 1}.Supersedes(Status{Boot: "b", Connection: 2}))
}

func TestWillAfterTheLastWordsDoesNotSupersede(t *testing.T) {
	shutdown := Status{Boot: "b", Connection: 2, Reason: OfflineShutdown}
	for _, tc := range []struct {
		name string
		next Status
		want bool
	}{
		{"will of this connection", Status{Boot: "b", Connection: 2, Reason: OfflineConnectionLost}, false},
		{"will of the next connection", Status{Boot: "b", Connection: 3, Reason: OfflineConnectionLost}, true},
		{"online after all", Status{Online: true, Boot: "b", Connection: 2}, true},
		{"a restarted camera", Status{Online: true, Boot: "c", Connection: 1}, true},
	} {
		require.Equal(t, tc.want, tc.next.Supersedes(shutdown), tc.name)
	}
}

func TestDecodeStatus(t *testing.T) {
	s := Status{V: Version, Online: true, Boot: "b", Connection: 3, At: 1, Picture: PictureLive, Viewers: 2}
	back, err := DecodeStatus(EncodeStatus(s))
	require.NoError(t, err)
	require.Equal(t, s, back)
	for _, bad := range []string{"", "x", `{"v":2}`, `{"v":1,"viewers":"many"}`, `{"v":1,"detail":"` + strings.Repeat("x", MaxStatus) + `"}`} {
		_, err := DecodeStatus([]byte(bad))
		require.Error(t, err, bad)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":1,"type":"offer","session":"` + string(testSession) + `","sdp":"v=0"}`))
	f.Add([]byte(`{"v":1,"type":"candidate","session":"` + string(testSession) + `","candidate":{"candidate":""}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(m)
		if err != nil { // escaping may lengthen a message beyond the cap, nothing else
			require.ErrorContains(t, err, "bytes, at most")
			return
		}
		back, err := Decode(again)
		require.NoError(t, err)
		require.Equal(t, m.Type, back.Type)
		require.Equal(t, m.Session, back.Session)
	})
}

func FuzzDecodeStatus(f *testing.F) {
	f.Add([]byte(`{"v":1,"online":true,"boot":"b","connection":1,"viewers":0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := DecodeStatus(data); err == nil {
			require.Equal(t, Version, s.V)
		}
	})
}

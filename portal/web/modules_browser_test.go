package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/account"
)

// module evaluates an expression with a module's exports as m.
func module[T any](g *page, name, expression string) T {
	g.t.Helper()
	return js[T](g, fmt.Sprintf(`import(%q).then((m) => (%s))`, g.p.assetURL(name), expression))
}

func quoted(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}

// TestCodesMeanTheSame compares code.js with the credential package.
func TestCodesMeanTheSame(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	var codes []string
	for range 200 {
		code := credential.NewCode()
		wrong := []byte(code)
		wrong[7] = "0123456789abcdefghjkmnpqrstvwxyz"[(strings.IndexByte("0123456789abcdefghjkmnpqrstvwxyz", wrong[7])+1)%32]
		codes = append(codes, code, string(wrong), credential.FormatCode(code), code[1:]+code[:1])
	}
	codes = append(codes, "", "o", strings.Repeat("o", 20), strings.Repeat("u", 20), "OOOOO-IIIII-LLLLL-00000")
	var want []bool
	for _, code := range codes {
		_, err := credential.ParseCode(code)
		want = append(want, err == nil)
	}
	assert.Equal(t, want, module[[]bool](g, "code.js", quoted(t, codes)+`.map(m.isCode)`))
	assert.Equal(t, "ABCDE-10", module[string](g, "code.js", `m.grouped('ab cd-e lO')`))
}

// TestRulesMeanTheSame compares the page's checklist with the server's verdict.
func TestRulesMeanTheSame(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/signup")
	passwords := []string{
		"", "a", "1234567890", "aaaaaaaaaa", "aaaaaaaaa1", "ααααααααα1", "漢漢漢漢漢漢漢漢漢漢", "aaaaaaaa\u00a01", "😀😀😀😀😀😀😀😀😀a", "my OWNER 123",
		strings.Repeat("é", 127) + "1", strings.Repeat("é", 128) + "1",
	}
	for _, password := range passwords {
		broken := map[string]bool{}
		for _, rule := range account.BrokenPasswordRules("owner", password) {
			broken[rule.ID] = true
		}
		js[any](g, fmt.Sprintf(`(() => { const f = document.forms[0].elements; f.username.value = 'owner'; f.password.value = %s; f.password.dispatchEvent(new Event('input')) })()`, quoted(t, password)))
		for _, rule := range account.PasswordRules {
			ok := js[string](g, fmt.Sprintf(`document.querySelector('[data-rule=%s]').dataset.ok`, rule.ID)) == "true"
			assert.Equal(t, !broken[rule.ID] && password != "", ok, "%q %s", password, rule.ID)
		}
	}
}

func TestTimesAreSaidTheSame(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	for _, d := range []time.Duration{0, 59 * time.Second, time.Minute, 59 * time.Minute, time.Hour, 47 * time.Hour, 48 * time.Hour, 400 * time.Hour} {
		assert.Equal(t, ago(d), module[string](g, "time.js", fmt.Sprintf(`m.ago(0, %d)`, d.Milliseconds())))
	}
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	good := otherFingerprint
	bad := strings.Replace(good, "AB", "AC", 1)
	line := func(value string) string { return "a=fingerprint:sha-256 " + value + "\r\n" }
	for _, c := range []struct {
		name, sdp, pinned string
		ok                bool
	}{
		{"the pinned one", line(good), good, true},
		{"in lower case", line(strings.ToLower(good)), good, true},
		{"pinned in lower case", line(good), strings.ToLower(good), true},
		{"twice", line(good) + line(good), good, true},
		{"none pinned", line(good), "", true},
		{"none pinned, two of them", line(good) + line(bad), "", false},
		{"another one", line(bad), good, false},
		{"another one second", line(good) + "m=video\r\n" + line(bad), good, false},
		{"none", "v=0\r\n", good, false},
		{"none, none pinned", "v=0\r\n", "", false},
		{"another hash", "a=fingerprint:sha-1 AB:AB\r\n", good, false},
		{"another hash besides", line(good) + "a=fingerprint:sha-512 " + good + "\r\n", good, false},
		{"line feeds only", strings.ReplaceAll(line(good)+line(bad), "\r", ""), good, false},
		{"carriage returns only", strings.ReplaceAll(line(good)+line(bad), "\n", ""), good, false},
		{"a space before", line(good) + " " + line(bad), good, false},
		{"upper case", line(good) + "A=FINGERPRINT:sha-256 " + bad + "\r\n", good, false},
		{"two values", "a=fingerprint:sha-256 " + good + " " + bad + "\r\n", good, false},
		{"too short", line(good[:92]), "", false},
		{"a malformed pin", line(good), "AB", false},
	} {
		verdict := module[struct {
			OK     bool   `json:"ok"`
			Reason string `json:"reason"`
		}](g, "fingerprint.js", fmt.Sprintf(`m.checkFingerprints(%s, %q)`, quoted(t, c.sdp), c.pinned))
		assert.Equal(t, c.ok, verdict.OK, c.name)
		assert.Equal(t, c.ok, verdict.Reason == "", c.name)
	}
}

// with adds pairs of event and state to a copy of some.
func with(some map[string]string, pairs ...string) map[string]string {
	all := maps.Clone(some)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

// TestTransitions is the table of legal transitions; every other pair of state and event is illegal.
func TestTransitions(t *testing.T) {
	t.Parallel()
	ends := map[string]string{
		"absent": "offline", "blind": "nopicture", "hide": "private", "full": "busy", "refuse": "refused", "fail": "failed", "stop": "idle",
	}
	legal := map[string]map[string]string{
		"idle":       {"start": "connecting", "absent": "offline", "blind": "nopicture", "hide": "private"},
		"connecting": with(ends, "frame", "live", "wait", "waiting"),
		"live":       with(ends, "lose", "recovering", "wait", "waiting"),
		"waiting":    with(ends, "frame", "live", "lose", "recovering"),
		"recovering": with(ends, "frame", "live", "wait", "waiting"),
		"offline":    {"start": "connecting", "blind": "nopicture", "hide": "private", "refuse": "refused", "stop": "idle"},
		"nopicture":  {"start": "connecting", "absent": "offline", "hide": "private", "refuse": "refused", "stop": "idle"},
		"private":    {"start": "connecting", "absent": "offline", "blind": "nopicture", "refuse": "refused", "stop": "idle"},
		"busy":       {"start": "connecting", "absent": "offline", "hide": "private", "refuse": "refused", "stop": "idle"},
		"refused":    {"start": "connecting", "stop": "idle"},
		"failed":     {"start": "connecting", "absent": "offline", "hide": "private", "refuse": "refused", "stop": "idle"},
		"signedout":  {},
	}
	g := newPortal(t).page()
	g.open("/login")
	for _, state := range module[[]string](g, "machine.js", `m.states`) {
		for _, event := range []string{"start", "stop", "frame", "lose", "wait", "hide", "absent", "blind", "full", "refuse", "fail", "nonsense"} {
			got := module[string](g, "machine.js", fmt.Sprintf(`m.next(%q, %q) ?? ''`, state, event))
			assert.Equal(t, legal[state][event], got, "%s, %s", state, event)
		}
		want := map[bool]string{true: "", false: "signedout"}[state == "signedout"]
		assert.Equal(t, want, module[string](g, "machine.js", fmt.Sprintf(`m.next(%q, 'signout') ?? ''`, state)))
	}
	assert.Len(t, legal, module[int](g, "machine.js", `m.states.length`))
}

func TestSnapshotNames(t *testing.T) {
	t.Parallel()
	g := newPortal(t).page()
	g.open("/login")
	name := module[string](g, "snapshot.js", `m.snapshotName('Tür: hinten/links', new Date('2026-05-04T03:02:01.9Z'))`)
	assert.Equal(t, "Tür-hinten-links-2026-05-04T030201Z.jpg", name)
	assert.Equal(t, "camera-2026-05-04T030201Z.jpg", module[string](g, "snapshot.js", `m.snapshotName('../', new Date('2026-05-04T03:02:01Z'))`))
	assert.Equal(t, "x-2026-05-04T030201Z.png", module[string](g, "snapshot.js", `m.snapshotName('x', new Date('2026-05-04T03:02:01Z'), 'image/png')`))
}

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/doccheck"
)

// abuses are attacks and what comes of each, by number.
var abuses = []struct{ attack, outcome string }{
	1:  {"a camera is claimed with its id alone", "refused"},
	2:  {"ids are enumerated", "the same answer for all, and throttled"},
	3:  {"a camera is claimed by two at once", "one has it"},
	4:  {"an owned camera is claimed", "refused, and its owner is told"},
	5:  {"a claim code is used again", "refused"},
	6:  {"a camera is sold", "nothing of the old owner is left: shares, links, tokens, history"},
	7:  {"another's camera on every route and socket", "it does not exist (404)"},
	8:  {"a viewer does what only the owner may", "refused (403)"},
	9:  {"a share is revoked while its viewer watches", "the picture ends within 5 s, at the camera"},
	10: {"a guest link has expired or was revoked", "gone (410), and who watched by it is cut off"},
	11: {"a WebSocket from another site's page", "refused (403)"},
	12: {"a WebSocket after its login ended", "closed"},
	13: {"a WebSocket names another's camera or session", "refused"},
	14: {"another site's page posts a form", "refused (403)"},
	15: {"a session is fixed before the login", "the login has another one"},
	16: {"the password is changed", "all other logins end"},
	17: {"passwords are guessed, with forged X-Forwarded-For", "throttled, and the owner is not locked out"},
	18: {"a reset's token is used again; the Host header is forged", "refused; the link leads to the configured address"},
	19: {"a one-time code is used again; a reset in place of the second factor", "refused; the second factor is asked for"},
	20: {"a camera subscribes to #, +, $share/…, $SYS/…", "refused (135), nothing is delivered"},
	21: {"a Will for another's topic", "the connection is refused"},
	22: {"another's client id", "refused, and the victim stays connected"},
	23: {"one credential twice", "the newer connection stays, and flapping is reported"},
	24: {"a retained message is read by a stranger or a new owner", "there is none"},
	25: {"an offer or a command is replayed", "refused"},
	26: {"a camera's key is revoked", "its connection is cut"},
	27: {"packets, SDP, frames that are too large", "cut at the limit, and the server is unharmed"},
	28: {"a connection that never says CONNECT", "closed within 10 s"},
	29: {"the fingerprint in an answer is another's", "the page stops and says why"},
	30: {"the relay is asked for addresses that are not on the Internet", "refused (403)"},
	31: {"the relay is used without a credential, or too much", "refused (401, 486)"},
	32: {"one client floods the signalling", "others notice nothing"},
	33: {"a camera's name is a script", "it is shown as text; no inline script runs"},
	34: {"paths with ../", "not found (404)"},
	35: {"a webhook leads into the portal's own network", "refused, and never connected to"},
	36: {"secrets in logs, addresses, referrers", "none"},
	37: {"malformed JSON and packets on every socket and topic", "an error is answered, and the program lives"},
	38: {"a client says who it is", "ignored: it is who its connection is"},
	39: {"a camera's old connection ends after the new one began", "it stays online"},
}

var abuseTest = regexp.MustCompile(`(?m)^func (TestAbuse(\d\d)_\w+)\(`)

// Every attack has a test, and docs/abuse.md says which.
func TestAbuseTable(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := exec.Command("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "*_test.go").Output()
	require.NoError(t, err)
	tests := map[string][]string{}
	for _, file := range strings.Fields(string(files)) {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for _, found := range abuseTest.FindAllStringSubmatch(string(text), -1) {
			tests[found[2]] = append(tests[found[2]], fmt.Sprintf("`%s: %s`", filepath.Dir(file), found[1]))
		}
	}
	var table strings.Builder
	table.WriteString("# Attacks that are tried\n\n" +
		"Each by automated tests, which `make test` runs. What they show is in [SECURITY.md](../SECURITY.md) and " +
		"[threats.md](threats.md). Made by `go test ./pkg/e2e -run TestAbuseTable -update`.\n\n" +
		"| | attack | what comes of it | tests |\n|---|---|---|---|\n")
	for n, abuse := range abuses {
		if n == 0 {
			continue
		}
		number := fmt.Sprintf("%02d", n)
		assert.NotEmpty(t, tests[number], "no test is named TestAbuse%s_…", number)
		slices.Sort(tests[number])
		fmt.Fprintf(&table, "| %d | %s | %s | %s |\n", n, abuse.attack, abuse.outcome, strings.Join(slices.Compact(tests[number]), ", "))
		delete(tests, number)
	}
	assert.Empty(t, tests, "tests with a number of no attack")
	doccheck.File(t, filepath.Join(root, "docs", "abuse.md"), table.String())
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// leaks has what this run's tests know that must be in no log, and every log of every program that they
// started. TestMain looks through them when all tests are over (abuse 36).
var leaks leakage

type leakage struct {
	mu      sync.Mutex
	secrets map[string]string // what is looked for, to what it is
	logs    map[string]string
}

// secret notes something that must be in no log.
func (l *leakage) secret(name, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.secrets == nil {
		l.secrets = map[string]string{}
	}
	if needle := needleOf(value); needle != "" {
		l.secrets[needle] = name
	}
}

// needleOf is the part of a secret that a log is searched for: its longest word as a log would have it.
// What is shorter than 12 characters could be in a log by chance.
func needleOf(value string) string {
	words := leakWord.FindAllString(normal(value), -1)
	if len(words) == 0 {
		return ""
	}
	longest := slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) })
	if len(longest) < 12 {
		return ""
	}
	return longest
}

// leakWord is what is compared whole. The same secret may be written with hyphens or without, in any case.
var leakWord = regexp.MustCompile(`[a-z0-9_]+`)

func normal(text string) string { return strings.ToLower(strings.ReplaceAll(text, "-", "")) }

// file notes the secrets in a file, one a line.
func (l *leakage) file(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		return // not there in this test
	}
	l.secret(filepath.Base(path), strings.TrimSpace(string(data)))
}

// secretFields are the fields of answers whose values are secrets.
var secretFields = regexp.MustCompile(`(^|_)(token|secret|code|codes|password)$`)

// answer notes the secrets in an answer of the API.
func (l *leakage) answer(body any) {
	switch value := body.(type) {
	case map[string]any:
		for name, field := range value {
			if secretFields.MatchString(name) {
				for _, text := range textsOf(field) {
					l.secret("answer's "+name, text)
				}
				continue
			}
			l.answer(field)
		}
	case []any:
		for _, item := range value {
			l.answer(item)
		}
	}
}

func textsOf(field any) (texts []string) {
	switch value := field.(type) {
	case string:
		return []string{value}
	case []any:
		for _, item := range value {
			texts = append(texts, textsOf(item)...)
		}
	}
	return texts
}

// log keeps the log of a program that has ended. The demo has none: what it prints is for the person in front of it,
// with commands ready to be pasted.
func (l *leakage) log(name, text string) {
	if strings.HasPrefix(name, "demo ") {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.logs == nil {
		l.logs = map[string]string{}
	}
	l.logs[name] = text
}

// forms are what secrets look like that no test noted.
var forms = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.eyJ|\bview_[a-z2-7]{26}|\bseccam_pat_[A-Za-z0-9]{8}|whsec_[A-Za-z0-9+/]{20}|\$argon2id\$|-----BEGIN [A-Z ]*PRIVATE KEY`)

// find returns a line for each secret in a log.
func (l *leakage) find() (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, text := range l.logs {
		for line := range strings.Lines(text) {
			if form := forms.FindString(line); form != "" {
				found = append(found, fmt.Sprintf("%s: %q in: %s", name, form[:min(len(form), 12)]+"…", line))
			}
			for _, word := range leakWord.FindAllString(normal(line), -1) {
				if secret, known := l.secrets[word]; known {
					found = append(found, fmt.Sprintf("%s: a %s in: %s", name, secret, line))
				}
			}
		}
	}
	return found
}

// The search itself: what it must find, and what it must not.
func TestAbuse36_LogsOfAllTestsAreSearched(t *testing.T) {
	var l leakage
	l.secret("claim code", "ABCDE-FGHJK-MNPQR-STVWX")
	l.secret("cookie", "x+Zq0_hunter2hunter2")
	l.answer(map[string]any{"camera": map[string]any{"claim_code": "1111122222333334", "id": "not-a-secret-at-all-1"}, "codes": []any{"aaaa-bbbb-cccc-dddd"}})
	for line, leaked := range map[string]bool{
		`msg="claimed" code=abcdefghjkmnpqrstvwx`:          true,
		`msg="claimed" code=ABCDE-FGHJK-MNPQR-STVWX`:       true,
		`GET /?cookie=x+Zq0_hunter2hunter2 HTTP/1.1`:       true,
		`code 11111-22222-33333-4`:                         true,
		`recovery aaaabbbbccccdddd used`:                   true,
		`bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.x`:    true,
		`GET /api/v1/whep/view_abcdefghijklmnopqrstuvwxyz`: true,
		`camera=not-a-secret-at-all-1 claimed`:             false,
		`claim code refused`:                               false,
	} {
		l.logs = map[string]string{"portal": line}
		assert.Equal(t, leaked, len(l.find()) > 0, line)
	}
}

package source

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

const (
	keptLines = 4
	// A line is cut after shownBytes, but only when secrets have been looked for in foundBytes of it.
	shownBytes = 300
	foundBytes = 8192
)

// lastLines is an io.Writer that keeps the last lines that a program said, without secrets.
type lastLines struct {
	secrets *strings.Replacer
	log     func(line string)

	mu    sync.Mutex // guards what follows
	line  []byte     // not ended yet
	lines []string
}

// newLastLines returns lastLines that hide secrets. Each line is also given to log.
func newLastLines(secrets []string, log func(string)) *lastLines {
	var pairs []string
	for _, secret := range secrets {
		if len(secret) >= 4 { // a shorter one is in every second word
			pairs = append(pairs, secret, "[redacted]")
		}
	}
	return &lastLines{secrets: strings.NewReplacer(pairs...), log: log}
}

// Write implements io.Writer and never fails.
func (l *lastLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := b; len(rest) > 0; {
		end := bytes.IndexAny(rest, "\r\n")
		part := rest[:max(end, 0)]
		if end < 0 {
			part = rest
		}
		l.line = append(l.line, part[:min(len(part), foundBytes-len(l.line))]...)
		if end < 0 {
			break
		}
		l.end()
		rest = rest[end+1:]
	}
	return len(b), nil
}

// end takes the line as complete.
func (l *lastLines) end() {
	if text := l.clean(string(l.line)); text != "" {
		l.log(text)
		l.lines = append(l.lines, text)
		l.lines = l.lines[max(0, len(l.lines)-keptLines):]
	}
	l.line = l.line[:0]
}

var (
	userInfo = regexp.MustCompile(`://\S*@`)
	// address is where in memory ffmpeg's components are: "[rtsp @ 0x55ee0a]".
	address = regexp.MustCompile(`\[([^\]]*) @ 0x[0-9a-f]+\]`)
)

func (l *lastLines) clean(text string) string {
	text = l.secrets.Replace(redact(strings.ToValidUTF8(text, "?")))
	text = strings.TrimSpace(address.ReplaceAllString(text, "[$1]"))
	return strings.ToValidUTF8(text[:min(len(text), shownBytes)], "")
}

// redact hides user names and passwords in all addresses in text.
func redact(text string) string { return userInfo.ReplaceAllString(text, "://[redacted]@") }

// words returns what was said last, for the end of an error message: ": line; line", or nothing.
func (l *lastLines) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
	if len(l.lines) == 0 {
		return ""
	}
	return ": " + strings.Join(l.lines, "; ")
}

package logbook

import (
	"regexp"
	"strings"
)

// hidden stands for what was taken out.
const hidden = "[redacted]"

// What is a secret by its looks, whoever logged it: a login in an address, a token (RFC 7519), a key of
// 32 bytes in hexadecimal digits, and what follows a telling name.
var (
	login   = regexp.MustCompile(`://[^/\s@"]+@`)
	token   = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]*`)
	hexKey  = regexp.MustCompile(`\b[0-9a-fA-F]{64}\b`)
	telling = regexp.MustCompile(`(?i)\b((?:password|passwd|secret|token|credential|authorization|bearer|ice-pwd)[\\"']*[ :=]+[\\"']*)([^\s\\"',;]+)`)
)

// redact takes the secrets out of a line.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	text = login.ReplaceAllString(text, "://"+hidden+"@")
	text = token.ReplaceAllString(text, hidden)
	text = hexKey.ReplaceAllString(text, hidden)
	return telling.ReplaceAllString(text, "${1}"+hidden)
}

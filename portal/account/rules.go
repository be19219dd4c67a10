package account

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"seccam/pkg/credential"
)

// FieldErrors maps a form field to what is wrong with it and what to do.
type FieldErrors map[string]string

// Error makes FieldErrors an error for callers that only pass it on.
func (f FieldErrors) Error() string {
	parts := make([]string, 0, len(f))
	for field, text := range f {
		parts = append(parts, field+": "+text)
	}
	return strings.Join(parts, "; ")
}

// Names of form fields, which the HTML forms and the JSON API share.
const (
	FieldUsername = "username"
	FieldCamera   = "camera_id"
	FieldCode     = "claim_code"
	FieldPassword = "password"
	FieldConfirm  = "password_confirm"
	FieldCurrent  = "current_password"
	FieldName     = "name"
	// FieldFingerprint is of the camera's certificate, from its label.
	FieldFingerprint = "fingerprint"
)

// PasswordRule is one rule of a good password. Pattern is a regular expression that means the same
// in Go (RE2) and JavaScript (with the u flag), so that page and server cannot differ; it is empty
// for the one rule that needs the user name.
type PasswordRule struct {
	ID      string `json:"id"`
	Text    string `json:"text"`
	Pattern string `json:"pattern,omitempty"`
}

// PasswordRules are those of the page's checklist, in its order. Which characters a password is made of is
// nobody's business (NIST SP 800-63B, section 3.1.1.2); that attackers do not try it first is, see [Breached].
var PasswordRules = []PasswordRule{
	{"length", "10 to 128 characters", `^[\s\S]{10,128}$`},
	{"username", "does not contain your user name", ""},
}

var passwordPatterns = func() map[string]*regexp.Regexp {
	compiled := map[string]*regexp.Regexp{}
	for _, rule := range PasswordRules {
		if rule.Pattern != "" {
			compiled[rule.ID] = regexp.MustCompile(rule.Pattern)
		}
	}
	return compiled
}()

// UsernamePattern is what a user name looks like, for Go and for the HTML pattern attribute.
const UsernamePattern = `[A-Za-z0-9][A-Za-z0-9._\-]{2,31}`

const usernameRule = "3 to 32 letters, digits, dots, hyphens or underscores, beginning with a letter or digit"

var usernameRegexp = regexp.MustCompile(`^` + UsernamePattern + `$`)

// MaxName is the longest name of a camera in characters.
const MaxName = 60

// BrokenPasswordRules returns the rules that a password breaks.
func BrokenPasswordRules(username, password string) []PasswordRule {
	var broken []PasswordRule
	for _, rule := range PasswordRules {
		ok := true
		if pattern := passwordPatterns[rule.ID]; pattern != nil {
			ok = utf8.ValidString(password) && pattern.MatchString(password)
		} else {
			ok = username == "" || !strings.Contains(strings.ToLower(password), strings.ToLower(username))
		}
		if !ok {
			broken = append(broken, rule)
		}
	}
	return broken
}

func (f FieldErrors) checkUsername(username string) {
	if !usernameRegexp.MatchString(username) {
		f[FieldUsername] = "A user name has " + usernameRule + "."
	}
}

func (f FieldErrors) checkPasswords(username, password, confirm string) {
	if broken := BrokenPasswordRules(username, password); len(broken) > 0 {
		texts := make([]string, len(broken))
		for i, rule := range broken {
			texts[i] = rule.Text
		}
		f[FieldPassword] = "A password needs: " + strings.Join(texts, "; ") + "."
	} else if password != confirm {
		f[FieldConfirm] = "The two passwords differ. Type the same one twice."
	}
}

// checkClaim returns the canonical camera id and claim code.
func (f FieldErrors) checkClaim(camera, code string) (string, string) {
	camera, err := credential.ParseCode(camera)
	if err != nil {
		f[FieldCamera] = "This is not a camera id. It has 20 letters and digits in four groups, as on the camera's label; check for a typing mistake."
	}
	code, err = credential.ParseCode(code)
	if err != nil {
		f[FieldCode] = "This is not a claim code. It has 20 letters and digits in four groups, as on the camera's label; check for a typing mistake."
	}
	return camera, code
}

func (f FieldErrors) checkName(name string) string { return f.checkText(FieldName, name) }

func (f FieldErrors) checkText(field, text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxName || strings.ContainsFunc(text, unicode.IsControl) {
		f[field] = "A name has at most 60 characters that can be seen."
	}
	return text
}

// checkLabel is checkText of what must not be empty.
func (f FieldErrors) checkLabel(field, text, missing string) string {
	text = f.checkText(field, text)
	if text == "" && f[field] == "" {
		f[field] = missing
	}
	return text
}

// equalNames reports whether two user names are of the same account.
func equalNames(a, b string) bool { return strings.EqualFold(a, b) }

// err returns f as an error, nil if it is empty.
func (f FieldErrors) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

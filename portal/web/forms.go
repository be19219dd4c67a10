package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"seccam/portal/account"
)

// form reads a request's form. Only what was posted counts: a password never belongs in an address,
// and fields that the handler does not ask for are ignored.
func form(c echo.Context) (url.Values, error) {
	r := c.Request()
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, errBadForm
	}
	return r.PostForm, nil
}

// filledForm is a form as it is shown again: what was typed, but for passwords, and what is wrong
// with it.
type filledForm struct {
	Values url.Values
	Errors account.FieldErrors
	// Failure is about the whole form.
	Failure string
	Rules   []account.PasswordRule
	Pattern string // of a user name
	MaxName int
	// Passkeys work at this address, so the form may offer them.
	Passkeys bool
	// Provider is another one to log in by, "" if there is none.
	Provider string
}

// Value returns what was typed into a field.
func (f filledForm) Value(field string) string { return f.Values.Get(field) }

// fieldView is one field of a form, for the templates in parts.html.
type fieldView struct {
	Form              filledForm
	Name, Label, Hint string
	// Autocomplete is the HTML attribute: password managers go by it.
	Autocomplete string
	// Describe is the id of more text about the field, if there is any.
	Describe string
}

func newField(f filledForm, name, label, hint, autocomplete, describe string) fieldView {
	return fieldView{f, name, label, hint, autocomplete, describe}
}

// Error returns what is wrong with the field, or "".
func (f fieldView) Error() string { return f.Form.Errors[f.Name] }

// Description is the field's aria-describedby: the ids of its texts that exist.
func (f fieldView) Description() string {
	var ids []string
	if f.Error() != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	if f.Describe != "" {
		ids = append(ids, f.Describe)
	}
	return strings.Join(ids, " ")
}

// newForm keeps of values only what may be shown again.
func newForm(values url.Values, shown ...string) filledForm {
	kept := url.Values{}
	for _, field := range shown {
		kept.Set(field, values.Get(field))
	}
	return filledForm{Values: kept, Rules: account.PasswordRules, Pattern: account.UsernamePattern, MaxName: account.MaxName}
}

// withError adds a refusal to the form. It reports false for errors that are not the person's to
// correct.
func (f filledForm) withError(err error) (filledForm, int, bool) {
	if errors.As(err, &f.Errors) {
		return f, http.StatusUnprocessableEntity, true
	}
	if errors.Is(err, account.ErrCredentials) {
		f.Failure = sentence(account.ErrCredentials.Error())
		return f, http.StatusUnauthorized, true
	}
	return f, 0, false
}

// fieldErrors takes what the person can correct out of an error.
func fieldErrors(err error) (account.FieldErrors, error) {
	var wrong account.FieldErrors
	if errors.As(err, &wrong) {
		return wrong, nil
	}
	return nil, err
}

// renamed returns the errors with one field named as a form names it that shares a page with another.
func renamed(wrong account.FieldErrors, field, name string) account.FieldErrors {
	if text, found := wrong[field]; found {
		delete(wrong, field)
		wrong[name] = text
	}
	return wrong
}

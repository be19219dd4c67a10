// Package config reads the YAML configuration of every SecCam program: strict (an unknown key is an
// error that names the key and its line), with every error reported at once, and every key
// overridable by an environment variable SECCAM_<KEY>, nested keys joined by an underscore.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// EnvPrefix begins the name of every environment variable that overrides a key.
const EnvPrefix = "SECCAM_"

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// Validator is a configuration that checks itself. It returns every error, joined; each names the
// key, what is wrong and what would be right.
type Validator interface{ Validate() error }

// Load fills cfg, a pointer to a struct that holds the defaults, from the file at path (none if
// path is empty), then from environ ("KEY=value" entries as of os.Environ), then validates it.
// The error, if any, joins all that is wrong.
func Load(cfg Validator, path string, environ []string) error {
	var errs []error
	if path != "" {
		errs = append(errs, loadFile(cfg, path))
	}
	errs = append(errs, applyEnv(cfg, environ)...)
	if err := errors.Join(errs...); err != nil {
		return err // validating half of what was meant would only confuse
	}
	return cfg.Validate()
}

func loadFile(cfg any, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return decode(cfg, path, data)
}

// decode is strict and keeps yaml's line numbers; an empty document leaves the defaults.
func decode(cfg any, name string, data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(cfg)
	var many *yaml.TypeError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &many):
		errs := make([]error, len(many.Errors))
		for i, text := range many.Errors {
			errs[i] = fmt.Errorf("%s: %s", name, plain(text))
		}
		return errors.Join(errs...)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// plain turns yaml's "field x not found in type config.T" into words for the person who wrote it.
func plain(text string) string {
	before, after, found := strings.Cut(text, "field ")
	key, _, isUnknown := strings.Cut(after, " not found in type ")
	if !found || !isUnknown {
		return text
	}
	return before + "unknown key " + key
}

func applyEnv(cfg any, environ []string) []error {
	fields := map[string]reflect.Value{}
	collect(fields, EnvPrefix, reflect.ValueOf(cfg).Elem())
	var errs []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		field, known := fields[name]
		if !known {
			errs = append(errs, fmt.Errorf("environment: %s overrides no key of this program", name))
			continue
		}
		if err := setField(field, value); err != nil {
			errs = append(errs, fmt.Errorf("environment: %s=%q: %w", name, value, err))
		}
	}
	return errs
}

// collect maps the variable name of every leaf of the struct to its field.
func collect(fields map[string]reflect.Value, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		name := prefix + strings.ToUpper(key)
		if v.Field(i).Kind() == reflect.Struct {
			collect(fields, name+"_", v.Field(i))
			continue
		}
		fields[name] = v.Field(i)
	}
}

// setField parses value as YAML, so that a list or a duration is written as in the file; a string
// is taken as it is.
func setField(field reflect.Value, value string) error {
	if field.Kind() == reflect.String {
		field.SetString(value)
		return nil
	}
	fresh := reflect.New(field.Type())
	if err := decode(fresh.Interface(), "value", []byte(value)); err != nil {
		return err
	}
	field.Set(fresh.Elem())
	return nil
}

// Keys returns the names of all environment variables that override a key of cfg, sorted.
func Keys(cfg any) []string {
	fields := map[string]reflect.Value{}
	collect(fields, EnvPrefix, reflect.ValueOf(cfg).Elem())
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

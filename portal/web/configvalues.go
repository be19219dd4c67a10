package web

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/account"
)

// How the values of a camera's configuration are written for people: numbers in their unit, durations in seconds.

// configUnit is in what a key's numbers are shown and typed, "" for words and for what is counted.
func configUnit(key signaling.ConfigKey) string {
	if key.Longest > 0 {
		return "s"
	}
	return key.Unit
}

// showConfig writes a value as the form has it. What is not of the key's kind stays as it came.
func showConfig(key signaling.ConfigKey, value any) string {
	switch v := value.(type) {
	case float64:
		if key.Per > 0 {
			return decimal(v / float64(key.Per))
		}
	case string:
		if d, err := time.ParseDuration(v); err == nil && key.Longest > 0 {
			return decimal(d.Seconds())
		}
	}
	return fmt.Sprint(value)
}

func shownWithUnit(key signaling.ConfigKey, values map[string]any) string {
	value, known := values[key.Name]
	if !known {
		return ""
	}
	return strings.TrimSpace(showConfig(key, value) + " " + configUnit(key))
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// configRange says from where to where a key's numbers go.
func configRange(key signaling.ConfigKey) string {
	if key.Longest > 0 {
		return decimal(key.Shortest.Seconds()) + " to " + decimal(key.Longest.Seconds())
	}
	return decimal(float64(key.Min)/float64(key.Per)) + " to " + decimal(float64(key.Max)/float64(key.Per))
}

// configTakes says what a key takes.
func configTakes(key signaling.ConfigKey) string {
	switch {
	case key.Options != nil:
		return "one of " + strings.Join(key.Options, ", ")
	case key.Even:
		return "an even number from " + configRange(key)
	case key.Longest > 0 || key.Per > 1:
		return "a number from " + configRange(key)
	}
	return "a whole number from " + configRange(key)
}

// readConfig reads the form: what is empty is as the camera's own file says.
func readConfig(typed url.Values) (map[string]any, account.FieldErrors) {
	values, wrong := map[string]any{}, account.FieldErrors{}
	for _, key := range signaling.ConfigKeys {
		text := strings.TrimSpace(typed.Get(key.Name))
		if text == "" {
			continue
		}
		value := parseConfig(key, text)
		if len(signaling.CheckConfig(map[string]any{key.Name: value})) > 0 {
			wrong[key.Name] = "This has to be " + configTakes(key) + "."
			continue
		}
		values[key.Name] = value
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return values, nil
}

// parseConfig is the value that somebody has typed; what cannot be one stays text, which no number or duration is.
func parseConfig(key signaling.ConfigKey, text string) any {
	if key.Options != nil {
		return text
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(number) > math.MaxInt32 || math.IsNaN(number) {
		return "no number"
	}
	if key.Longest > 0 {
		return time.Duration(math.Round(number * float64(time.Second))).String()
	}
	// 1234.567 × 1000 is a little more than a whole number.
	return math.Round(number*float64(key.Per)*1e3) / 1e3
}

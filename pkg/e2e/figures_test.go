package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// The shipped files that ask for figures.
const (
	alertRules = "../../configs/prometheus/seccam.yml"
	dashboard  = "../../configs/grafana/seccam.json"
)

var figureName = regexp.MustCompile(`\bseccam_[a-z]+_[a-z_]+\b`)

// providerFigure is told only where ice_providers has some.
const providerFigure = "seccam_ice_provider_up"

// figures is all that a program tells Prometheus.
func (p *process) figures() string {
	p.t.Helper()
	address := p.await(`(?:portal ready|camerad starts).* metrics="?([0-9][^"\s]+)`)[1]
	resp, err := http.Get("http://" + address + "/metrics")
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return string(text)
}

// figureIn returns one of the figures that a program tells, of the first labels; -1 if it is not among them.
func figureIn(t *testing.T, told, name string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + `(?:\{.*\})? (\S+)$`).FindStringSubmatch(told)
	if found == nil {
		return -1
	}
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	return value
}

// requireShippedFigures looks in what the programs tell for every figure that the shipped rules and the dashboard
// ask for.
func requireShippedFigures(t *testing.T, told string) {
	t.Helper()
	for _, path := range []string{alertRules, dashboard} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		names := figureName.FindAllString(string(text), -1)
		require.NotEmpty(t, names)
		for _, name := range names {
			if name != providerFigure {
				assert.Regexp(t, `(?m)^`+name+`[ {]`, told, "%s asks for %s", path, name)
			}
		}
	}
}

// TestAlertRules: each says what is wrong and what to do.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(alertRules)
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	require.NotEmpty(t, file.Groups)
	for _, group := range file.Groups {
		require.NotEmpty(t, group.Rules, group.Name)
		for _, rule := range group.Rules {
			assert.NotEmpty(t, rule.Expr, rule.Alert)
			assert.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], rule.Alert)
			assert.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			assert.NotEmpty(t, rule.Annotations["action"], rule.Alert)
		}
	}
}

// TestDashboard: every panel asks for something, and none lies over another.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(dashboard)
	require.NoError(t, err)
	type place struct{ X, Y, W, H int }
	var file struct {
		UID    string
		Panels []struct {
			Type, Title string
			GridPos     place
			Targets     []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.Equal(t, "seccam", file.UID)
	for i, panel := range file.Panels {
		assert.True(t, panel.Type == "row" || len(panel.Targets) > 0, panel.Title)
		for _, other := range file.Panels[:i] {
			a, b := panel.GridPos, other.GridPos
			apart := a.X >= b.X+b.W || b.X >= a.X+a.W || a.Y >= b.Y+b.H || b.Y >= a.Y+a.H
			assert.True(t, apart, "%s lies over %s", panel.Title, other.Title)
		}
	}
}

package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goPackage is what `go list` says of a package.
type goPackage struct {
	ImportPath, Dir, Doc string
	Imports              []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports", "seccam/...")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	require.NoError(t, err)
	var packages []goPackage
	dec := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestStructure(t *testing.T) {
	only := map[string]string{ // dependency → its only importer, with what is below it
		"github.com/labstack/echo/v4":     "seccam/portal/web",
		"gorm.io/gorm":                    "seccam/portal/store",
		"github.com/mochi-mqtt/server/v2": "seccam/broker",
		"github.com/pion/mediadevices":    "seccam/camerad/media",
		"github.com/eclipse/paho.golang":  "seccam/pkg/mqttclient",
		"go.opentelemetry.io":             "seccam/pkg/tracing",
	}
	daemons := []string{"seccam/broker", "seccam/camerad", "seccam/portal"}
	for _, p := range listPackages(t) {
		require.NotEmpty(t, p.Doc, "%s has a package comment", p.ImportPath)
		for _, imported := range p.Imports {
			for dependency, importer := range only {
				if imported == dependency || strings.HasPrefix(imported, dependency+"/") {
					below := strings.HasPrefix(p.ImportPath, importer+"/")
					require.True(t, p.ImportPath == importer || below, "%s is the only importer of %s, not %s", importer, dependency, p.ImportPath)
				}
			}
			for _, daemon := range daemons {
				inside := imported == daemon || strings.HasPrefix(imported, daemon+"/")
				self := p.ImportPath == daemon || strings.HasPrefix(p.ImportPath, daemon+"/")
				embeds := p.ImportPath == "seccam/portal" && imported == "seccam/broker"
				require.False(t, inside && !self && !embeds, "%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := map[string]bool{
		"broker": true, "camerad": true, "portal": true, "pkg": true, "configs": true, "go.mod": true, "go.sum": true,
		"README.md": true, "Makefile": true, "docs": true, "LICENSE": true, "SECURITY.md": true, "CONTRIBUTING.md": true, "CHANGELOG.md": true,
	}
	output, err := exec.Command("git", "-C", filepath.Join("..", ".."), "ls-files").Output()
	if err != nil {
		t.Skip("not a git checkout: git ls-files failed")
	}
	for _, file := range strings.Fields(string(output)) {
		top, _, _ := strings.Cut(file, "/")
		require.True(t, allowed[top] || strings.HasPrefix(top, "."), "%s does not belong at the top level", file)
	}
}

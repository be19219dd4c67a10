package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the repository, from this package's folder.
const root = "../.."

// documents are checked by this file: what they name exists, and what they say to type works.
var documents = []string{
	"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/operations.md", "docs/diagnostics.md", "docs/cameras.md", "docs/network.md",
	"docs/whep.md", "docs/pairing.md", "docs/sharing.md", "docs/threats.md", "docs/updates.md", "docs/fleet.md", "docs/scaling.md",
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

var (
	codeSpan = regexp.MustCompile("`([^`\n]+(?:\n[^`\n]+)?)`")
	// codePath is a path of ours, with names that are declared in it after a colon.
	codePath = regexp.MustCompile(`^((?:portal|broker|camerad|pkg|configs|docs|\.ci)/[\w./-]*)(?:: (.+))?$`)
	link     = regexp.MustCompile(`(?:\]\(|src=")([^)"#]+)(#[^)"]*)?[)"]`)
	target   = regexp.MustCompile(`\bmake ([a-z]+)`)
)

// Every file, folder and function that is named exists, and every link and picture.
func TestDocsNameWhatExists(t *testing.T) {
	followed := 0
	for _, name := range documents {
		text := readDocument(t, name)
		for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
			found := codePath.FindStringSubmatch(strings.ReplaceAll(span[1], "\n", " "))
			if found == nil {
				continue
			}
			path := filepath.Join(root, found[1])
			if _, err := os.Stat(path); !assert.NoError(t, err, name) || found[2] == "" {
				continue
			}
			declared := declarations(t, path)
			for _, function := range strings.Split(found[2], ", ") {
				assert.Contains(t, declared, strings.TrimSpace(function), "%s: in %s", name, found[1])
				followed++
			}
		}
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(found[1], "://") {
				assert.FileExists(t, filepath.Join(root, filepath.Dir(name), found[1]), name)
			}
		}
	}
	assert.Greater(t, followed, 20, "the README follows a message through the code")
}

// jsDeclaration is a function or method at the start of a line: "  async open(session, send) {".
var jsDeclaration = regexp.MustCompile(`(?m)^\s*(?:export )?(?:async )?(?:function )?(#?\w+)\([^)]*\) \{$`)

// declarations returns the functions and methods of a Go or JavaScript file.
func declarations(t *testing.T, path string) (names []string) {
	t.Helper()
	if filepath.Ext(path) != ".go" {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, found := range jsDeclaration.FindAllStringSubmatch(string(text), -1) {
			names = append(names, found[1])
		}
		return names
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok {
			names = append(names, function.Name.Name)
		}
	}
	return names
}

// fenced returns the lines, or whole blocks, of a document's fenced blocks of a language.
func fenced(text, language string) (blocks []string) {
	for i, part := range strings.Split("\n"+text, "\n```") {
		if body, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
			blocks = append(blocks, body)
		}
	}
	return blocks
}

// Every command line of portal and camerad is one that the program understands.
func TestDocsCommandLines(t *testing.T) {
	binaries := map[string]string{"portal": portalBinary, "camerad": cameradBinary}
	checked := 0
	for _, name := range documents {
		for _, block := range fenced(readDocument(t, name), "sh") {
			for _, line := range strings.Split(block, "\n") {
				args := shellWords(line)
				if len(args) > 0 && args[0] == "sudo" {
					args = args[1:]
				}
				if len(args) == 0 || binaries[args[0]] == "" {
					continue
				}
				out, err := exec.Command(binaries[args[0]], append(args[1:], "--help")...).CombinedOutput()
				assert.NoError(t, err, "%s: %s\n%s", name, line, out)
				checked++
			}
		}
	}
	assert.GreaterOrEqual(t, checked, 8)
	refused := exec.Command(portalBinary, "cameras", "provision", "--no-such-flag", "--help")
	require.Error(t, refused.Run(), "--help must not hide what is wrong, or this test is worth nothing")
}

var shellWord = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`)

// shellWords splits a line that has no quotes within words; a comment ends it.
func shellWords(line string) (words []string) {
	for _, word := range shellWord.FindAllString(line, -1) {
		if word == "#" {
			break
		}
		words = append(words, strings.Trim(word, `"'`))
	}
	return words
}

// Every piece of a configuration is one that the portal accepts.
func TestDocsConfigurations(t *testing.T) {
	checked := 0
	for _, name := range documents {
		for _, block := range fenced(readDocument(t, name), "yaml") {
			dir := t.TempDir()
			file := filepath.Join(dir, "portal.yml")
			// In the documents the certificate's files come by the environment.
			block = strings.ReplaceAll(block, "  tls: ", "  cert_file: tls.crt\n  key_file: tls.key\n  tls: ")
			require.NoError(t, os.WriteFile(file, []byte(block), 0o600))
			list := exec.Command(portalBinary, "-c", file, "cameras", "list")
			list.Env = []string{"SECCAM_DATABASE=" + filepath.Join(dir, "portal.db"), "SECCAM_STATE_DIR=" + dir}
			out, err := list.CombinedOutput()
			assert.NoError(t, err, "%s: %s\n%s", name, block, out)
			checked++
		}
	}
	assert.Greater(t, checked, 4, "they are found")
}

// Every "make target" is a target.
func TestDocsMakeTargets(t *testing.T) {
	makefile := readDocument(t, "Makefile")
	for _, name := range documents {
		for _, span := range append(codeSpan.FindAllString(readDocument(t, name), -1), fenced(readDocument(t, name), "sh")...) {
			for _, found := range target.FindAllStringSubmatch(span, -1) {
				assert.Contains(t, makefile, "\n"+found[1]+":", "%s: make %s", name, found[1])
			}
		}
	}
}

// Pictures of the documents are small enough to be in a repository.
func TestDocsPictures(t *testing.T) {
	pictures, err := filepath.Glob(filepath.Join(root, "docs/images/*"))
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	for _, picture := range pictures {
		info, err := os.Stat(picture)
		require.NoError(t, err)
		assert.Less(t, info.Size(), int64(300<<10), picture)
	}
}

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"seccam/pkg/browsertest"
)

// testRelease is the version of the programs under test. Its text is nowhere else in them, so that another
// release is made by replacing it.
const testRelease = "7.41.5"

// Paths of the programs under test, built once.
var portalBinary, cameradBinary string

func TestMain(m *testing.M) {
	if plan, ok := os.LookupEnv(herdEnv); ok {
		if err := runHerd(plan); err != nil {
			fmt.Fprintln(os.Stderr, "herd:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "seccam-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	portalBinary, cameradBinary = filepath.Join(dir, "portal"), filepath.Join(dir, "camerad")
	for binary, source := range map[string]string{portalBinary: "seccam/portal", cameradBinary: "seccam/camerad"} {
		args := append(append([]string{"build"}, buildFlags...), "-ldflags", "-X main.release="+testRelease, "-o", binary, source)
		build := exec.Command("go", args...)
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build", source, err)
			return 1
		}
	}
	code := m.Run()
	if err := stopBrowser(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for _, leak := range leaks.find() {
		fmt.Fprintln(os.Stderr, "SECRET IN A LOG (abuse 36):", leak)
		code = 1
	}
	return code
}

// browser is the one Chromium of all tests; each test has a browser context of its own.
var (
	browser     context.Context
	stopBrowser = func() error { return nil }
)

// startBrowser starts Chromium when the first test needs it.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if browser == nil {
		var err error
		if browser, stopBrowser, err = newBrowser(); err != nil {
			t.Fatal(err)
		}
	}
	return browser
}

// newBrowser starts Chromium, which uses its fake microphone without asking.
func newBrowser(more ...chromedp.ExecAllocatorOption) (context.Context, func() error, error) {
	return browsertest.Start(append(more, chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.WindowSize(1280, 800))...)
}

// Package browsertest starts the Chromium of tests.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/chromedp"
)

// base are the flags of a machine without a network: loopback candidates without mDNS, no phoning home. Camera and
// microphone are fake ones.
var base = append(chromedp.DefaultExecAllocatorOptions[:],
	chromedp.DisableGPU,
	chromedp.NoSandbox, // the tests may run as root
	chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	chromedp.Flag("disable-features", "WebRtcHideLocalIpsWithMdns,site-per-process,Translate,BlinkGenPropertyTrees"),
	chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	chromedp.Flag("allow-loopback-in-peer-connection", true), chromedp.Flag("use-fake-device-for-media-stream", true),
)

// Start starts a Chromium with options besides those that every test needs. end ends it and removes all that it has
// written; it is nil with an error.
func Start(options ...chromedp.ExecAllocatorOption) (browser context.Context, end func() error, err error) {
	folder, err := os.MkdirTemp("", "seccam-chromium-")
	if err != nil {
		return nil, nil, fmt.Errorf("start Chromium: %w", err)
	}
	// Its sockets are in a folder of their own, which it leaves behind when it is killed.
	own := append(slices.Clone(base), chromedp.UserDataDir(filepath.Join(folder, "profile")), chromedp.Env("TMPDIR="+folder))
	allocator, kill := chromedp.NewExecAllocator(context.Background(), append(own, options...)...)
	browser, stop := chromedp.NewContext(allocator)
	end = func() error {
		stop()
		kill()
		chromedp.FromContext(browser).Allocator.Wait()
		return os.RemoveAll(folder)
	}
	if err := chromedp.Do(browser); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start Chromium: %w; install it with: .ci/deps test", err), end())
	}
	return browser, end, nil
}

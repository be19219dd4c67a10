package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed static
var static embed.FS

// staticPrefix is followed by the hash of all files and a file's name: a module's relative imports
// resolve below the same hash, so an update never mixes old and new modules.
const staticPrefix = "/static/"

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".webmanifest": "application/manifest+json",
}

// assets are the files that pages load.
type assets struct {
	hash  string
	files map[string][]byte
}

func newAssets() (*assets, error) {
	a := &assets{files: map[string][]byte{}}
	sum := sha256.New()
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		a.files[path.Base(name)] = data
		_, err = fmt.Fprintf(sum, "%s %d\n%s", name, len(data), data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	a.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	return a, nil
}

// url returns a file's address, for templates. An unknown name is a mistake in a template.
func (a *assets) url(name string) (string, error) {
	if _, known := a.files[name]; !known {
		return "", fmt.Errorf("no static file %q", name)
	}
	return staticPrefix + a.hash + "/" + name, nil
}

func (a *assets) serve(c echo.Context) error {
	name := c.Param("file")
	data, known := a.files[name]
	if !known {
		return echo.ErrNotFound
	}
	header := c.Response().Header()
	header.Set("Content-Type", contentTypes[path.Ext(name)])
	header.Set("ETag", `"`+a.hash+`"`)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	if c.Param("hash") != a.hash {
		header.Set("Cache-Control", "no-cache") // a page of another version: serve, do not keep
	}
	http.ServeContent(c.Response(), c.Request(), name, time.Time{}, bytes.NewReader(data))
	return nil
}

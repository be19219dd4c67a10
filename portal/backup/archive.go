package backup

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Names in an archive. Its first entry is the manifest.
const (
	manifestName = "manifest.json"
	databaseName = "database"
	format       = 1
	maxManifest  = 1 << 20 // bytes
)

// Manifest says what is in an archive.
type Manifest struct {
	Format   int       `json:"format"`
	Release  string    `json:"release"` // of the portal that wrote it
	At       time.Time `json:"at"`
	Postgres bool      `json:"postgres"` // the database is a dump of pg_dump's; else a file of SQLite's
	Schema   int64     `json:"schema"`
	Files    []File    `json:"files"`
}

// File is one entry: the database, or a key.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// keyName is what a secret of the state directory is called.
var keyName = regexp.MustCompile(`^[a-z0-9-]{1,64}\.key$`)

// check refuses a manifest that is not ours, before anything that it names is touched.
func (m *Manifest) check() error {
	if m.Format != format {
		return fmt.Errorf("the backup has format %d, this portal reads %d", m.Format, format)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if f.Name != databaseName && !keyName.MatchString(f.Name) || seen[f.Name] {
			return fmt.Errorf("the backup names %.80q, which does not belong there", f.Name)
		}
		seen[f.Name] = true
	}
	for _, needed := range []string{databaseName, "master.key", "mqtt.key"} {
		if !seen[needed] {
			return fmt.Errorf("the backup has no %s", needed)
		}
	}
	return nil
}

// describe notes a file's size and digest.
func describe(name, path string) (File, error) {
	file, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	return File{Name: name, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))}, err
}

// pack writes an archive of the files in a folder that the manifest names. It appears at path whole, readable by its
// owner only, or not at all.
func pack(m Manifest, folder, path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".seccam-backup-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(m, folder, file), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func write(m Manifest, folder string, to io.Writer) error {
	packed := gzip.NewWriter(to)
	archive := tar.NewWriter(packed)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	header := &tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(text)), ModTime: m.At}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if _, err := archive.Write(text); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := add(archive, f, filepath.Join(folder, f.Name), m.At); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

func add(archive *tar.Writer, f File, path string, at time.Time) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := archive.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o600, Size: f.Size, ModTime: at}); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

// unpack writes the files of an archive into a folder, and returns its manifest. What is missing, too much or not as
// the manifest says is an error.
func unpack(path, folder string) (m Manifest, err error) {
	file, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer func() { _ = file.Close() }()
	packed, err := gzip.NewReader(file)
	if err != nil {
		return m, fmt.Errorf("%s is no backup of a portal: %w", path, err)
	}
	archive := tar.NewReader(packed)
	if m, err = readManifest(archive); err != nil {
		return m, fmt.Errorf("%s is no backup of a portal: %w", path, err)
	}
	for _, want := range m.Files {
		if err := extract(archive, want, filepath.Join(folder, want.Name)); err != nil {
			return m, fmt.Errorf("%s is damaged: %s: %w", path, want.Name, err)
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("%s is damaged: there is more in it than it says (%w)", path, err)
	}
	return m, nil
}

func readManifest(archive *tar.Reader) (m Manifest, err error) {
	header, err := archive.Next()
	if err != nil {
		return m, err
	}
	if header.Name != manifestName || header.Size > maxManifest {
		return m, errors.New("it does not begin with a manifest")
	}
	if err := json.NewDecoder(archive).Decode(&m); err != nil {
		return m, err
	}
	return m, m.check()
}

func extract(archive *tar.Reader, want File, path string) error {
	header, err := archive.Next()
	if err != nil {
		return err
	}
	if header.Name != want.Name || header.Size != want.Size || header.Typeflag != tar.TypeReg {
		return fmt.Errorf("%.80q is in its place", header.Name)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), archive)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want.SHA256 {
		return errors.New("its content is not what was written")
	}
	return nil
}

// syncFolder makes renames in a folder last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

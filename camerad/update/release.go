package update

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"

	"seccam/camerad/statefile"
)

// Limits of what is downloaded, in bytes.
const (
	maxManifest  = 64 << 10
	maxSignature = 4 << 10
	maxBinary    = 256 << 20
	spare        = 16 << 20 // that stays free on the disk
)

// Product is what manifests are of; a signature over something else is none over this.
const Product = "camerad"

// Manifest describes a release for one kind of machine. It is signed as it is, with minisign.
type Manifest struct {
	Product string `json:"product"`
	Channel string `json:"channel"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Version string `json:"version"`
	// File is the binary's name, beside the manifest.
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in hexadecimal
	// Percent is the share of cameras that get it by now, from 0 to 100.
	Percent int `json:"percent"`
}

// Source is where releases come from, and for whom.
type Source struct {
	URL      string // of the folder with channels
	Key      minisign.PublicKey
	Channel  string
	OS, Arch string
	Camera   string // its id decides about its stage
	Version  string // that runs
	HTTP     *http.Client
	// Free is the space on the disk of a folder, in bytes.
	Free func(folder string) (uint64, error)
}

func (s *Source) file(name string) string {
	return strings.TrimSuffix(s.URL, "/") + "/" + s.Channel + "/" + name
}

// Check returns the newest release. It may be none for this camera; see [Source.Suits].
func (s *Source) Check(ctx context.Context) (Manifest, error) {
	var m Manifest
	name := fmt.Sprintf("%s-%s-%s.json", Product, s.OS, s.Arch)
	data, err := s.get(ctx, name, maxManifest)
	if err != nil {
		return m, err
	}
	signature, err := s.get(ctx, name+".minisig", maxSignature)
	if err != nil {
		return m, err
	}
	if !minisign.Verify(s.Key, data, signature) {
		return m, fmt.Errorf("%s is not signed with the key of update.public_key; nothing was installed", s.file(name))
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s: %w", s.file(name), err)
	}
	return m, s.check(m)
}

// check refuses a signed manifest that is of something else, such as of another architecture.
func (s *Source) check(m Manifest) error {
	hash, err := hex.DecodeString(m.SHA256)
	switch {
	case m.Product != Product || m.Channel != s.Channel || m.OS != s.OS || m.Arch != s.Arch:
		return fmt.Errorf("the manifest is of %.32q, channel %.32q, %.16s/%.16s, and not for this camera", m.Product, m.Channel, m.OS, m.Arch)
	case !valid(m.Version) || err != nil || len(hash) != sha256.Size || m.Size <= 0 || m.Size > maxBinary:
		return errors.New("the manifest has no usable version, hash or size")
	case m.File == "" || strings.ContainsAny(m.File, "/\\") || strings.HasPrefix(m.File, "."):
		return fmt.Errorf("the manifest names no file beside it: %.64q", m.File)
	}
	return nil
}

// Suits says why a release is not to be installed; nil if it is.
func (s *Source) Suits(m Manifest, state State) error {
	_, failed := state.Failed[m.Version]
	switch {
	case !valid(s.Version):
		return ErrNoRelease
	case !newer(m.Version, s.Version):
		return ErrCurrent // or older: there is no way down but a rollback
	case failed:
		return ErrFailed
	case state.Trial != nil:
		return ErrBusy
	case Stage(s.Camera, m.Version) >= m.Percent:
		return ErrStage
	}
	return nil
}

// Stage is from 0 to 99: a camera's place in the line for a release. Each release has another order, so that
// the same cameras are not always the first.
func Stage(camera, version string) int {
	sum := sha256.Sum256([]byte("seccam update stage|" + camera + "|" + version))
	return int(binary.BigEndian.Uint32(sum[:]) % 100)
}

// Install downloads a release into the free slot and puts it on trial. What runs is not touched.
func (s *Source) Install(ctx context.Context, m Manifest, store *Store) error {
	state, err := store.Load()
	if err != nil {
		return err
	}
	if err := store.make(); err != nil {
		return err
	}
	if free, err := s.Free(store.folder); err == nil && free < uint64(m.Size)+spare {
		return fmt.Errorf("the disk has %d MiB free, and the release needs %d; nothing was installed", free>>20, (m.Size+spare)>>20)
	}
	path := store.Path(Slot{Name: state.free()})
	if err := s.download(ctx, m, path+".new"); err != nil {
		return errors.Join(err, remove(path+".new"))
	}
	return store.Change(func(state *State) error {
		if err := s.Suits(m, *state); err != nil {
			return errors.Join(err, remove(path+".new"))
		}
		if path != store.Path(Slot{Name: state.free()}) {
			return errors.Join(ErrBusy, remove(path+".new"))
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
		return state.stage(m.Version, m.SHA256)
	})
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// download writes the binary, and leaves it only if it is what the manifest says.
func (s *Source) download(ctx context.Context, m Manifest, path string) (err error) {
	body, err := s.open(ctx, m.File)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	file, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(body, m.Size+1))
	err = errors.Join(err, file.Sync(), file.Close(), statefile.Inherit(path))
	switch {
	case err != nil:
		return fmt.Errorf("download of camerad %s: %w", m.Version, err)
	case n != m.Size:
		return fmt.Errorf("download of camerad %s: %d bytes came instead of %d; nothing was installed", m.Version, n, m.Size)
	case hex.EncodeToString(hash.Sum(nil)) != strings.ToLower(m.SHA256):
		return fmt.Errorf("download of camerad %s: it is not the file that was signed; nothing was installed", m.Version)
	}
	return nil
}

func (s *Source) get(ctx context.Context, name string, most int64) ([]byte, error) {
	body, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file(name), err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s has over %d bytes", s.file(name), most)
	}
	return data, nil
}

func (s *Source) open(ctx context.Context, name string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.file(name), nil)
	if err != nil {
		return nil, err
	}
	response, err := s.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("releases not reached; check update.url: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s: %s", s.file(name), response.Status)
	}
	return response.Body, nil
}

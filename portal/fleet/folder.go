package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seccam/pkg/credential"
)

// Files of a camera's folder, besides its state's.
const (
	ConfigFile  = "camerad.yml"
	KeyFile     = "device.key"
	labelFile   = "label.txt"
	pictureFile = "label.png"
	stateFolder = "state"
)

// unfinished begins the name of a folder that is not whole yet.
const unfinished = ".new-"

// makeFolder makes a new camera: a folder below out with all that goes onto it, named by its id. The folder has
// that name only once it is whole.
func (b *batch) makeFolder() (Label, squares, error) {
	certificate, fingerprint, err := credential.NewCertificate()
	if err != nil {
		return Label{}, squares{}, err
	}
	l := Label{
		Portal: b.PortalURL, Camera: credential.NewCode(), Claim: credential.NewCode(),
		Pairing: credential.NewCode(), Fingerprint: fingerprint,
	}
	code, err := newSquares(l)
	if err != nil {
		return l, code, err
	}
	picture, err := code.picture()
	if err != nil {
		return l, code, err
	}
	making := filepath.Join(b.out, unfinished+l.Camera)
	if err := os.MkdirAll(filepath.Join(making, stateFolder), 0o700); err != nil {
		return l, code, err
	}
	key := credential.DeviceKey(b.master, l.Camera, 1)
	for name, data := range map[string][]byte{
		ConfigFile:  []byte(CameraConfig(b.PortalURL, l.Camera, b.Source)),
		KeyFile:     []byte(key.Hex() + "\n"),
		labelFile:   []byte(l.Text()),
		pictureFile: picture,
		filepath.Join(stateFolder, credential.CertificateFile): certificate,
		filepath.Join(stateFolder, credential.PairingCodeFile): []byte(credential.FormatCode(l.Pairing) + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(making, name), data, 0o600); err != nil {
			return l, code, err
		}
	}
	return l, code, os.Rename(making, filepath.Join(b.out, l.Camera))
}

// CameraConfig is the camerad.yml of one camera; its paths are relative to it.
func CameraConfig(portalURL, cameraID, source string) string {
	return fmt.Sprintf(`# The configuration of one camera. configs/camerad.yml documents every key.
portal_url: %s
camera_id: %s
device_key_file: %s
state_dir: %s
source: %s
`, portalURL, cameraID, KeyFile, stateFolder, source)
}

// readFolders returns the labels of the cameras whose folders are whole, by id, and removes what is not whole.
func readFolders(out string) (labels []Label, err error) {
	entries, err := os.ReadDir(out)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), unfinished) {
			if err := os.RemoveAll(filepath.Join(out, entry.Name())); err != nil {
				return nil, err
			}
			continue
		}
		if id, err := credential.ParseCode(entry.Name()); err != nil || id != entry.Name() || !entry.IsDir() {
			continue
		}
		label, err := readLabel(filepath.Join(out, entry.Name()))
		if err != nil {
			return nil, err
		}
		labels = append(labels, label)
	}
	return labels, nil
}

func readLabel(folder string) (Label, error) {
	text, err := os.ReadFile(filepath.Join(folder, labelFile))
	if errors.Is(err, os.ErrNotExist) {
		return Label{}, fmt.Errorf("%s has no %s: somebody changed it; name another folder for a new batch", folder, labelFile)
	}
	if err != nil {
		return Label{}, err
	}
	label, err := parseText(string(text))
	if err != nil {
		return Label{}, fmt.Errorf("%s: %w", folder, err)
	}
	return label, nil
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"seccam/camerad/pairing"
	"seccam/camerad/session"
	"seccam/camerad/statefile"
	"seccam/pkg/config"
	"seccam/pkg/credential"
)

type enrollCmd struct {
	URL       string `arg:"" name:"url" help:"Address of the portal, such as https://cameras.example.org."`
	TokenFile string `placeholder:"PATH" help:"Read the enrolment token from this file; otherwise it is asked for, or read from the standard input. It is never an argument: others could see it."`
	Name      string `help:"What the camera is called, such as \"Front door\"."`
}

// enrollingName is the file that remembers an enrolment which may have been interrupted: the same camera asks again
// then, and not another one.
const enrollingName = "enrolling.json"

type enrolling struct {
	Portal string `json:"portal"`
	Camera string `json:"camera"`
}

// Run makes this computer a camera of whoever made the token. Each step is on the disk before the next one, and the
// configuration is last: an interrupted enrolment is finished by the same command.
func (c enrollCmd) Run(io console) error {
	portal, err := enrollURL(c.URL)
	if err != nil {
		return configError{err}
	}
	target, err := io.enrollTarget()
	if err != nil {
		return err
	}
	if done, err := c.already(io, target, portal); done || err != nil {
		return err
	}
	pending, err := target.pending(portal.String())
	if err != nil {
		return err
	}
	identity, err := session.LoadIdentity(target.StateDir)
	if err != nil {
		return err
	}
	if _, err := pairing.LoadCode(target.StateDir); err != nil {
		return err
	}
	if err := statefile.Inherit(filepath.Join(target.StateDir, credential.CertificateFile)); err != nil {
		return err
	}
	token, err := c.readToken(io)
	if err != nil {
		return err
	}
	trust, err := trustedCAs(target.CAFile)
	if err != nil {
		return err
	}
	client := newPortalClient(enrolment{portal: portal, camera: pending.Camera}, identity.Fingerprint, trust)
	request := credential.EnrolRequest{Token: token, Camera: pending.Camera, Fingerprint: identity.Fingerprint, Name: c.Name}
	var answer credential.EnrolResponse
	if err := client.post(io.ctx, credential.EnrolPath, request, &answer); err != nil {
		return fmt.Errorf("not enrolled: %w", err)
	}
	if err := target.finish(pending, answer); err != nil {
		return fmt.Errorf("the portal has added the camera, but it is not set up here; run the same command again within the hour, with the same token: %w", err)
	}
	return target.report(io, pending.Camera)
}

// enrollURL is the portal's address. Without TLS the token and the key could be read on the way.
func enrollURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is not the address of a portal, such as https://cameras.example.org", text)
	}
	if !config.Confidential(u) {
		return nil, fmt.Errorf("%s has no TLS: others on the way could read the camera's key; use the portal's https address", text)
	}
	return u, nil
}

// enrollTarget is where the camera is to be set up.
type enrollTarget struct {
	Config
	file string // the configuration
	made bool   // it does not exist yet
}

// enrollTarget finds the configuration, which need not exist. A new one that is not the system's has its files beside
// it.
func (io console) enrollTarget() (enrollTarget, error) {
	t := enrollTarget{file: io.configPath}
	if t.file == "" {
		t.file = defaultConfigPath
	}
	path := t.file
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.made, path = true, ""
	}
	cfg, err := loadConfig(path, io.environ)
	if err != nil {
		return t, configError{err}
	}
	t.Config = cfg
	if t.made && t.file != defaultConfigPath {
		t.DeviceKeyFile, t.StateDir = filepath.Join(filepath.Dir(t.file), "device.key"), filepath.Join(filepath.Dir(t.file), "state")
	}
	return t, nil
}

// already reports whether the camera is set up, which only the same portal's may be.
func (c enrollCmd) already(io console, t enrollTarget, portal *url.URL) (bool, error) {
	if t.CameraID == "" {
		return false, nil
	}
	have, err := t.loadEnrolment()
	if err != nil {
		return true, fmt.Errorf("%s names camera %s, but that is not whole: %w", t.file, t.CameraID, err)
	}
	if have.portal.String() != portal.String() {
		return true, fmt.Errorf("this is camera %s of %s already; to move it, take portal_url and camera_id out of %s and remove %s",
			credential.FormatCode(have.camera), have.portal, t.file, t.DeviceKeyFile)
	}
	fmt.Fprintln(io.out, "This camera is enrolled already.")
	return true, t.report(io, have.camera)
}

// pending goes on with an interrupted enrolment, or begins one.
func (t enrollTarget) pending(portal string) (enrolling, error) {
	path := filepath.Join(t.StateDir, enrollingName)
	var e enrolling
	if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &e) == nil && e.Portal == portal {
		if _, err := credential.ParseCode(e.Camera); err == nil {
			return e, nil
		}
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return e, fmt.Errorf("%w; try with sudo", err)
	}
	if _, err := os.Stat(t.DeviceKeyFile); err == nil {
		return e, fmt.Errorf("%s is there already, of another camera; move it away if that is not needed any more", t.DeviceKeyFile)
	}
	e = enrolling{Portal: portal, Camera: credential.NewCode()}
	data, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	if err := statefile.Replace(path, append(data, '\n')); err != nil {
		return e, fmt.Errorf("%w; try with sudo", err)
	}
	return e, nil
}

// readToken asks for the token on a terminal, where it is not shown, or reads a file or the standard input.
func (c enrollCmd) readToken(io console) (string, error) {
	if c.TokenFile != "" {
		data, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return "", fmt.Errorf("enrolment token: %w", err)
		}
		return strings.TrimSpace(string(data)), nil
	}
	fmt.Fprint(io.errors, "Enrolment token (the portal's page \"Add a camera\" makes one): ")
	if file, is := io.in.(*os.File); is && term.IsTerminal(int(file.Fd())) {
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(io.errors)
		return strings.TrimSpace(string(typed)), err
	}
	line, err := bufio.NewReader(io.in).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.Join(errors.New("no enrolment token was given"), err)
	}
	return line, nil
}

// finish writes the key, then the configuration, and forgets that anything was unfinished.
func (t enrollTarget) finish(e enrolling, answer credential.EnrolResponse) error {
	key, err := credential.ParseSecret(answer.DeviceKey)
	if err != nil || answer.Camera != e.Camera {
		return errors.New("the answer is not of a SecCam portal")
	}
	// Others, such as the service's user, have to be able to read the configuration.
	if err := os.MkdirAll(filepath.Dir(t.file), 0o755); err != nil {
		return err
	}
	if err := statefile.Replace(t.DeviceKeyFile, []byte(key.Hex()+"\n")); err != nil {
		return err
	}
	if err := t.writeConfig(e); err != nil {
		return err
	}
	return os.Remove(filepath.Join(t.StateDir, enrollingName))
}

func (t enrollTarget) report(io console, camera string) error {
	code, err := pairing.LoadCode(t.StateDir)
	if err != nil {
		return err
	}
	start := "sudo systemctl enable --now seccam-camerad"
	if t.file != defaultConfigPath {
		start = "camerad run --config " + t.file
	}
	_, err = fmt.Fprintf(io.out, `camera id     %s
pairing code  %s   (keep it: by it your devices can be paired with the camera)

Now start the camera:
  %s
`, credential.FormatCode(camera), credential.FormatCode(code), start)
	return err
}

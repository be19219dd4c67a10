package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seccam/camerad/media"
	"seccam/camerad/media/sound"
	"seccam/camerad/media/source"
)

type sourcesCmd struct {
	Pictures string `placeholder:"FOLDER" help:"Also take a picture from each source, into this folder."`
}

// found is a source of the list, as a person would configure it.
type found struct {
	line    string // for the source key
	name    string
	details []string
	problem string
	source  source.Source
}

// Run lists the cameras, microphones and loudspeakers, with a picture of each camera if that is wanted.
func (c sourcesCmd) Run(io console) error {
	cfg, err := io.loadConfig()
	if err != nil {
		return err
	}
	if c.Pictures != "" {
		if err := os.MkdirAll(c.Pictures, 0o755); err != nil {
			return fmt.Errorf("sources: %w; name another folder", err)
		}
	}
	all := io.findSources(cfg)
	if len(all) == 1 {
		fmt.Fprintln(io.out, "No camera found. Is it plugged in, and may you read /dev/video* (group video)?")
	}
	for _, f := range all {
		fmt.Fprintf(io.out, "%-24s %s\n", "source: "+f.line, f.name)
		for _, detail := range f.details {
			fmt.Fprintf(io.out, "    %s\n", detail)
		}
		if f.problem != "" {
			fmt.Fprintf(io.out, "    cannot be used: %s\n", f.problem)
		} else if c.Pictures != "" {
			fmt.Fprintf(io.out, "    %s\n", io.probe(f, cfg.video(), c.Pictures))
		}
	}
	return io.listSound()
}

// findSources lists what auto would choose from, the preferred ones first, and the configured source.
func (io console) findSources(cfg Config) []found {
	log := newLogger(io.errors, cfg.LogLevel)
	var all []found
	cameras, _ := source.RPiCameras(io.ctx, log) // without rpicam-vid there are none
	for _, pi := range cameras {
		f := found{line: sourceRPiCam, name: pi.Model, source: source.RPiCam(pi.Number, "/", log)}
		for _, mode := range pi.Modes {
			f.details = append(f.details, fmt.Sprintf("%s %dx%d %.0f fps", mode.Format, mode.Width, mode.Height, mode.FPS))
		}
		all = append(all, f)
	}
	for _, d := range source.Devices() {
		f := found{line: sourceV4L2 + ":" + d.Path, name: d.Name, source: source.Camera(d.Path, source.CameraFormat(cfg.V4L2Format))}
		for _, format := range d.Formats {
			f.details = append(f.details, format.String())
		}
		switch {
		case d.Problem != nil:
			f.problem = d.Problem.Error()
		case d.Busy:
			f.details = append(f.details, "in use by another program")
		}
		all = append(all, f)
	}
	if kind, _ := cfg.splitSource(); kind != sourceAuto && kind != sourceTestPattern && kind != sourceV4L2 && kind != sourceRPiCam {
		f := found{line: cfg.Source, name: "as configured"}
		from, err := cfg.openSource(io.ctx, log)
		if err != nil {
			f.problem = err.Error()
		}
		f.source = from
		all = append(all, f)
	}
	return append(all, found{line: sourceTestPattern, name: "always there", source: source.TestPattern()})
}

// probe takes a picture and says where it is.
func (io console) probe(f found, video source.Video, folder string) string {
	format, picture, err := media.Probe(io.ctx, f.source, video)
	if err != nil {
		return "no picture: " + err.Error()
	}
	letters := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}
	path := filepath.Join(folder, strings.Map(letters, f.line)+".jpg")
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		return "no picture: " + err.Error()
	}
	return fmt.Sprintf("%dx%d %s, picture in %s", format.Width, format.Height, format.Codec, path)
}

// listSound lists the sound devices, without which a camera works as well.
func (io console) listSound() error {
	microphones, err := sound.Microphones()
	if err != nil {
		_, err = fmt.Fprintf(io.out, "no sound: %v\n", err)
		return err
	}
	speakers, err := sound.Speakers()
	if err != nil {
		return err
	}
	for _, m := range microphones {
		fmt.Fprintf(io.out, "microphone: %-12s %s\n", m.Address, m.Name)
	}
	for _, s := range speakers {
		fmt.Fprintf(io.out, "speaker: %-15s %s\n", s.Address, s.Name)
	}
	return nil
}

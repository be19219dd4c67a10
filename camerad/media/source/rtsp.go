package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
)

// RTSP returns the source for a network camera at an rtsp:// or rtsps:// address, for which
// [CheckRTSP] has no objection. Both H264 and H265 are passed through, by TCP. User name and password
// are empty if the camera wants none; Basic and Digest are understood. They appear neither in the
// environment or command line of a process, nor in messages.
func RTSP(address, user, password string, log *slog.Logger) Source {
	c := &rtspCamera{address: address, user: user, password: password, log: log}
	return Source{Name: "rtsp", Open: c.open}
}

type rtspCamera struct {
	address, user, password string
	log                     *slog.Logger
	// mute remembers a camera without sound: to ask for it costs a connection.
	mute atomic.Bool
}

// CheckRTSP says what is wrong with the address of a camera. The error does not show the address,
// which may have a password in it.
func CheckRTSP(address string) error {
	u, err := url.Parse(address)
	switch {
	case err == nil && u.User != nil:
		return errors.New("the camera's address has a user name or password in it, where others may see it; " +
			"take it out and use the key for the credentials file instead")
	case err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Host == "":
		return errors.New("this is not the address of a camera such as rtsp://192.168.1.20:554/stream1")
	}
	return nil
}

func (c *rtspCamera) open(ctx context.Context, want Video) (Stream, error) {
	for {
		mute := c.mute.Load()
		script, err := c.script(!mute)
		if err != nil {
			return nil, err
		}
		s, err := openCoded(ctx, c.command(script, !mute), origin{
			noun:     "the camera",
			baseline: "switch them off in its settings (H264 profile Baseline, or number of B-frames 0)",
			keys:     "choose H264 in its settings, and an I-frame interval of one second",
		}, want)
		switch {
		case err == nil:
			return coupled{s}, nil
		case !mute && isMute(err):
			c.mute.Store(true)
		default:
			c.mute.Store(false) // it may be another camera when it is back
			return nil, advise(err, advices)
		}
	}
}

// isMute recognises what ffmpeg says of an input without sound, or with sound that it cannot decode.
func isMute(err error) bool {
	return strings.Contains(err.Error(), "'0:a:0' matches no streams") || strings.Contains(err.Error(), "output stream 1:0")
}

// advices are what a person should do when ffmpeg says something.
var advices = [][2]string{
	{"401 Unauthorized", "the camera wants a user name and password, and not these: check the credentials file"},
	{"404 Not Found", "the camera does not know this path: look up its stream's address in its manual"},
	{"Connection refused", "nothing answers at that port: is RTSP switched on in the camera's settings?"},
	{"No route to host", "nothing answers: is the camera on, and its address right?"},
	{"'0:v:0' matches no", "the camera sends no video: look up its stream's address in its manual"},
}

// advise adds to an error what to do about it.
func advise(err error, advices [][2]string) error {
	for _, a := range advices {
		if strings.Contains(err.Error(), a[0]) {
			return fmt.Errorf("%s (%w)", a[1], err)
		}
	}
	return err
}

// Of the analysis before the first picture, these make ffmpeg wait for neither the frame rate nor the
// first timestamps, which are of no use here. -fflags nobuffer is absent because it throws away what
// was read for the analysis: the first key frame.
var impatient = [][2]string{{"fpsprobesize", "0"}, {"max_ts_probe", "0"}, {"analyzeduration", "2000000"}}

// command reads the script from standard input. The raw muxer takes either codec; dump_extra puts the
// parameter sets before key frames if the camera sends them at the start only.
func (c *rtspCamera) command(script string, sound bool) command {
	input := []string{"-f", "concat", "-safe", "0", "-protocol_whitelist", "pipe,rtp,rtsp,rtsps,tcp,tls,udp"}
	for _, option := range impatient {
		input = append(input, "-"+option[0], option[1])
	}
	video := []string{"-bsf:v", "dump_extra=freq=keyframe", "-f", "rawvideo"}
	cmd := ffmpeg(append(input, "-i", "pipe:0"), video, io.Reader(strings.NewReader(script)), sound, c.log)
	cmd.secrets = []string{c.password, strings.TrimPrefix(url.UserPassword("", c.password).String(), ":")}
	return cmd
}

// script is a list for ffmpeg's concat demuxer with the address as its only entry: a way to tell
// ffmpeg the password that nobody else can see.
func (c *rtspCamera) script(sound bool) (string, error) {
	if err := CheckRTSP(c.address); err != nil {
		return "", err
	}
	u, _ := url.Parse(c.address) // as CheckRTSP did
	if c.user != "" || c.password != "" {
		u.User = url.UserPassword(c.user, c.password)
		const most = 127 // bytes that ffmpeg has room for
		if strings.Contains(c.user, ":") || len(u.User.String()) > most {
			return "", fmt.Errorf("the camera's user name has a colon, or is with the password longer than %d bytes; choose others", most)
		}
	}
	quoted := strings.ReplaceAll(u.String(), "'", `'\''`)
	script := "ffconcat version 1.0\nfile '" + quoted + "'\noption rtsp_transport tcp\n"
	if !sound {
		script += "option allowed_media_types video\n"
	}
	for _, option := range impatient {
		script += "option " + option[0] + " " + option[1] + "\n"
	}
	return script, nil
}

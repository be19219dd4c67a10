package source

import (
	"io"
	"log/slog"
	"strconv"
)

// ffmpeg returns the command that copies the first video stream of an input to standard output, and
// decodes its first audio stream, if wanted, to descriptor 3. input and video are ffmpeg's options
// for these two. Each picture is written at once: a pipe is flushed after each packet.
func ffmpeg(input, video []string, stdin io.Reader, sound bool, log *slog.Logger) command {
	args := append([]string{"ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-loglevel", "warning"}, input...)
	args = append(args, "-map", "0:v:0", "-c:v", "copy")
	args = append(append(args, video...), "pipe:1")
	if sound {
		args = append(args, "-map", "0:a:0", "-ac", "1", "-ar", strconv.Itoa(SoundRate), "-f", "s16le", "pipe:3")
	}
	return command{args: args, stdin: stdin, sound: sound, patience: usual(), log: log}
}

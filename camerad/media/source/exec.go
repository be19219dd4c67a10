package source

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
)

// Exec returns the source for a command that writes H264 or H265 in Annex B form to its standard
// output, such as a script around a maker's own tools. Its first string is the program, found in
// PATH; no shell is involved. In the others {width}, {height}, {fps} and {bitrate} (bit/s) stand for
// what is wanted. What the command says on its standard error appears in messages, so it should not
// say secrets. Every user of the machine can read its arguments.
func Exec(args []string, log *slog.Logger) Source {
	from := origin{
		noun:     "the command",
		baseline: "tell its encoder to send none (x264: --profile baseline)",
		keys:     "it must write Annex B to its standard output, with a key frame each second or so",
	}
	return Source{Name: "exec", Open: func(ctx context.Context, want Video) (Stream, error) {
		if len(args) == 0 || args[0] == "" {
			return nil, errors.New("the command is empty; give the program and its arguments as a list")
		}
		return open(openCoded(ctx, command{args: fill(args, want), patience: usual(), log: log}, from, want))
	}}
}

// fill replaces the placeholders.
func fill(args []string, want Video) []string {
	values := strings.NewReplacer("{width}", strconv.Itoa(want.Width), "{height}", strconv.Itoa(want.Height),
		"{fps}", strconv.Itoa(want.FPS), "{bitrate}", strconv.Itoa(want.Bitrate))
	filled := []string{args[0]}
	for _, arg := range args[1:] {
		filled = append(filled, values.Replace(arg))
	}
	return filled
}

// open makes a Stream that is nil if there is an error.
func open[S Stream](s S, err error) (Stream, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

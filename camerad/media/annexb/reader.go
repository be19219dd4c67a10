package annexb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// MaxUnit is the size in bytes of what a [Reader] gathers at most for one access unit.
const MaxUnit = 4 << 20

// readSize is the least room for one read: what a pipe holds unless it is made larger.
const readSize = 64 << 10

// ErrFormat is returned for a stream that is something else, or damaged beyond hope.
var ErrFormat = errors.New("this is no H264 or H265 stream in Annex B form")

// startOfImage begins a JPEG picture (ITU-T T.81 B.1.1.3), and no NAL unit.
var startOfImage = []byte{0xff, 0xd8, 0xff}

// Config is what a [Reader] may be told. The zero value is a stream of either codec whose units are
// returned when the next begins.
type Config struct {
	// Codec is empty to be found out from the first NAL units.
	Codec Codec
	// Idle is how long a [Waiter] must have nothing more to read for a unit to be taken as complete.
	// 0 waits until the next begins.
	Idle time.Duration
	// Interval is the time between two pictures. A wait as long as that would gain nothing.
	Interval time.Duration
}

// Waiter is a source of bytes that knows when nothing more is there for now.
type Waiter interface {
	// Wait returns true as soon as a read would not block, and false if that is not within d.
	Wait(d time.Duration) bool
}

// Unit is one access unit: all NAL units of one picture, in Annex B form.
type Unit struct {
	Data []byte
	// At is when its first byte was read.
	At time.Time
	// Skipped is how many units before this one were left out because of a wrong guess.
	Skipped int
}

// Reader splits a byte stream into access units.
//
// The end of a unit is only certain when the next one begins, a whole frame interval later. A Reader
// whose source is a [Waiter] does not wait for that: programs write a picture at once, so when
// nothing follows a slice for a few milliseconds, the picture is taken as complete. Should the rest of
// it come after all, the decoder has a damaged picture: units up to the next key frame are left
// out, and from then on the wait is twice as long.
type Reader struct {
	src      io.Reader
	waiter   Waiter        // nil: no guesses
	idle     time.Duration // doubles with every wrong guess
	interval time.Duration
	codec    Codec

	buf         []byte    // the unit under way, and perhaps the start of the next
	began, last time.Time // when the first and the last byte of buf were read
	err         error     // of src; what is in buf comes before it

	synced  bool // buf begins with a NAL unit
	dropped int  // bytes before that
	scanned int  // the NAL units that begin before buf[scanned:] have been seen
	picture bool // and a slice was among them

	guessed  bool // the last unit was taken as complete; buf is what came since
	headless bool // the unit under way is the rest of one that was taken as complete
	skipping bool // up to a key frame
	skipped  int
}

// NewReader returns a reader of src, which it never closes.
func NewReader(src io.Reader, cfg Config) *Reader {
	r := &Reader{src: src, codec: cfg.Codec, idle: cfg.Idle, interval: cfg.Interval}
	if w, ok := src.(Waiter); ok && cfg.Idle > 0 {
		r.waiter = w
	}
	return r
}

// Codec returns the codec, empty until it is known.
func (r *Reader) Codec() Codec { return r.codec }

// Next returns the next access unit, whose Data belongs to the caller. What comes before the first
// NAL unit is left out, or if the codec is unknown, before the first that tells the codec. Everything
// else is in some unit, with its start codes. An error is that of the source, io.EOF after the last
// unit, or [ErrFormat].
func (r *Reader) Next() (Unit, error) {
	for {
		end, ok := r.end()
		if !ok {
			if err := r.fill(); err != nil {
				return Unit{}, err
			}
			continue
		}
		if unit, ok := r.cut(end); ok {
			return unit, nil
		}
	}
}

// end returns where the unit under way ends, if that is known or can be guessed.
func (r *Reader) end() (int, bool) {
	if !r.synced && !r.sync() || r.guessed && !r.judge() {
		return 0, false
	}
	if end, ok := r.boundary(); ok {
		return end, true
	}
	if r.err != nil {
		return len(r.buf), len(r.buf) > 0
	}
	if r.complete() {
		r.guessed = true
		return len(r.buf), true
	}
	return 0, false
}

// fill reads more.
func (r *Reader) fill() error {
	switch {
	case r.err != nil:
		return r.err
	case len(r.buf) >= MaxUnit:
		return fmt.Errorf("%w: one picture has more than %d MiB", ErrFormat, MaxUnit>>20)
	case r.dropped >= MaxUnit:
		return fmt.Errorf("%w: no picture begins within %d MiB", ErrFormat, MaxUnit>>20)
	}
	r.buf = slices.Grow(r.buf, readSize)
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.last, r.err = time.Now(), err
	if len(r.buf) == 0 {
		r.began = r.last
	}
	r.buf = r.buf[:len(r.buf)+n]
	if !r.synced && r.dropped == 0 && bytes.HasPrefix(r.buf, startOfImage) {
		return fmt.Errorf("%w: it is MJPEG", ErrFormat)
	}
	return nil
}

// sync drops what comes before the first NAL unit. It reports false if there is none yet.
func (r *Reader) sync() bool {
	for from := 0; ; from += len(startCode) {
		i := bytes.Index(r.buf[from:], startCode)
		if i < 0 {
			r.drop(len(r.buf) - len(startCode)) // it may be cut, or follow a zero_byte
			return false
		}
		from += i
		nal := r.buf[from+len(startCode):]
		if r.codec == "" {
			r.codec = detect(nal)
		}
		if r.codec != "" || len(nal) < detectBytes {
			r.drop(from - 1)
			r.synced = r.codec != ""
			return r.synced
		}
	}
}

// drop removes n bytes, and one more if that is not the zero_byte of a start code.
func (r *Reader) drop(n int) {
	if n < 0 {
		return
	}
	if r.buf[n] != 0 {
		n++
	}
	r.dropped += n
	r.forget(n)
}

// forget removes the first n bytes of buf. What is left came with the last read.
func (r *Reader) forget(n int) {
	r.buf = append(r.buf[:0], r.buf[n:]...)
	r.began, r.scanned = r.last, 0
}

// boundary looks for the start of the next unit.
func (r *Reader) boundary() (int, bool) {
	for {
		i := bytes.Index(r.buf[r.scanned:], startCode)
		if i < 0 {
			r.scanned = max(r.scanned, len(r.buf)-len(startCode)+1)
			return 0, false
		}
		r.scanned += i
		role, ok := r.codec.role(r.buf[r.scanned+len(startCode):])
		if !ok {
			return 0, false
		}
		if r.picture && (role == opens || role == first) {
			end := r.scanned
			if end > 0 && r.buf[end-1] == 0 { // zero_byte
				end--
			}
			return end, true
		}
		r.picture = r.picture || role == first || role == slice
		r.scanned += len(startCode)
	}
}

// complete guesses whether buf holds all of a picture, if nothing follows for a while. It does not end
// in the middle of a start code or header. Nor has it the size of a full buffer of the writing
// program, which would then be about to write the rest.
func (r *Reader) complete() bool {
	const writeSize = 4096 // stdio's blocks; ffmpeg's are a multiple
	n := len(r.buf)
	if r.waiter == nil || !r.picture || r.headless || r.buf[n-1] == 0 || n%writeSize == 0 ||
		bytes.HasPrefix(r.buf[r.scanned:], startCode) {
		return false
	}
	return !r.waiter.Wait(r.idle)
}

// judge says whether the guess was right: whether what came next does not belong to the same picture.
// It reports false if too little came to tell.
func (r *Reader) judge() bool {
	rest := bytes.TrimLeft(r.buf, "\x00") // trailing_zero_8bits, and a start code's zeros
	if len(rest) == 0 {
		return false
	}
	wrong := len(r.buf)-len(rest) < 2 || rest[0] != 1
	if !wrong {
		role, ok := r.codec.role(rest[1:])
		if !ok {
			return false
		}
		wrong = role == slice
	}
	r.guessed = false
	if wrong {
		r.headless, r.skipping, r.picture = true, true, true
		if r.idle *= 2; r.idle >= r.interval {
			r.waiter = nil
		}
	}
	return true
}

// cut takes the first n bytes as a unit. It reports false if that is to be left out.
func (r *Reader) cut(n int) (unit Unit, ok bool) {
	if ok = !r.headless && (!r.skipping || Key(r.codec, r.buf[:n])); ok {
		unit = Unit{Data: bytes.Clone(r.buf[:n]), At: r.began, Skipped: r.skipped}
		r.skipping, r.skipped = false, 0
	} else if !r.headless {
		r.skipped++
	}
	r.forget(n)
	r.headless, r.picture = false, false
	return unit, ok
}

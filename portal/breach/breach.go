// Package breach knows passwords that attackers try first: the commonest ones, and those in a file of known
// breaches. Nothing leaves this machine.
package breach

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the file's format, not a protection
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

// common is the commonest passwords of ten characters and more, and words that become one by a few digits or
// signs at their ends.
//
//go:embed common.txt
var common string

var commonest, stems = split(common)

func split(text string) (whole, stems map[string]bool) {
	whole, stems = map[string]bool{}, map[string]bool{}
	for _, line := range strings.Fields(text) {
		if stem, ok := strings.CutSuffix(line, "*"); ok {
			stems[stem] = true
		} else {
			whole[line] = true
		}
	}
	return whole, stems
}

// List is what is known. Its zero value, and nil, know the commonest passwords only.
type List struct {
	file *os.File
	size int64
}

// maxLine bounds a line of the file: 40 digits, a colon, a count and the line's end.
const maxLine = 80

// Open opens a file of SHA-1 hashes as Have I Been Pwned's downloader writes it: one "HASH:count" a line, sorted,
// upper case. It is searched where it is, and not read into memory. An empty path is none.
func Open(path string) (*List, error) {
	if path == "" {
		return &List{}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("breached_passwords_file: %w", err)
	}
	l := &List{file: file}
	if err := l.check(); err != nil {
		return nil, errors.Join(fmt.Errorf("breached_passwords_file: %w", err), file.Close())
	}
	return l, nil
}

// check looks at both ends of the file, so that another kind of file is found at the start and not by passwords
// that are never refused.
func (l *List) check() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.size = info.Size()
	first, _, err := l.line(0)
	if err != nil {
		return err
	}
	start, err := l.lineStart(l.size-1, 0)
	if err != nil {
		return err
	}
	last, _, err := l.line(start)
	if err != nil {
		return err
	}
	if bytes.Compare(first, last) > 0 {
		return errors.New("the hashes are not sorted; it must be the list that is ordered by hash")
	}
	return nil
}

// Close closes the file.
func (l *List) Close() error {
	if l == nil || l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Has reports whether attackers try this password first.
func (l *List) Has(password string) (bool, error) {
	if isCommon(password) {
		return true, nil
	}
	if l == nil || l.file == nil {
		return false, nil
	}
	sum := sha1.Sum([]byte(password)) //nolint:gosec // the file's format
	return l.search([]byte(strings.ToUpper(hex.EncodeToString(sum[:]))))
}

// isCommon knows the commonest passwords, in any case, and what is made of too few characters.
func isCommon(password string) bool {
	lower := strings.ToLower(password)
	if commonest[lower] || isRun(lower) {
		return true
	}
	stem := strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	return stems[stem] || stems[unleet.Replace(stem)]
}

// unleet undoes what everybody does to letters.
var unleet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "$", "s", "@", "a", "!", "i")

// rows are sequences of which no part is a password.
var rows = []string{
	"01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm",
	"qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm",
}

// isRun reports whether a password is a part of a row, or has at most two different characters.
func isRun(lower string) bool {
	for _, row := range rows {
		if strings.Contains(row, lower) {
			return true
		}
	}
	different := map[rune]bool{}
	for _, r := range lower {
		different[r] = true
	}
	return len(different) <= 2
}

// search finds a hash by halving: the line at or after the middle tells in which half it is.
func (l *List) search(hash []byte) (bool, error) {
	low, high := int64(0), l.size // the hash's line begins in [low, high)
	for low < high {
		middle := low + (high-low)/2
		start, err := l.lineStart(middle, low)
		if err != nil {
			return false, err
		}
		found, next, err := l.line(start)
		if err != nil {
			return false, err
		}
		switch bytes.Compare(hash, found) {
		case 0:
			return true, nil
		case -1:
			high = start
		default:
			low = next
		}
	}
	return false, nil
}

// lineStart is where the line begins that has the byte at an offset; low is the beginning of a line before it.
func (l *List) lineStart(offset, low int64) (int64, error) {
	from := max(low, offset-maxLine)
	buffer := make([]byte, offset-from)
	if _, err := l.file.ReadAt(buffer, from); err != nil {
		return 0, fmt.Errorf("read breached passwords: %w", err)
	}
	if end := bytes.LastIndexByte(buffer, '\n'); end >= 0 {
		return from + int64(end) + 1, nil
	}
	return from, nil
}

// line returns the hash of the line that begins at an offset, and where the next one begins.
func (l *List) line(offset int64) (hash []byte, next int64, err error) {
	buffer := make([]byte, maxLine)
	n, err := l.file.ReadAt(buffer, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read breached passwords: %w", err)
	}
	buffer = buffer[:n]
	end := bytes.IndexByte(buffer, '\n')
	next = offset + int64(end) + 1
	if end < 0 {
		end, next = len(buffer), l.size
	}
	hash, _, _ = bytes.Cut(bytes.TrimRight(buffer[:end], "\r"), []byte{':'})
	if _, err := hex.DecodeString(string(hash)); err != nil || len(hash) != 40 {
		return nil, 0, fmt.Errorf("the line at byte %d is not HASH:count", offset)
	}
	return hash, next, nil
}

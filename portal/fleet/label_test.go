package fleet

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

func TestLabelIsReadBack(t *testing.T) {
	t.Parallel()
	l := labels(t, 1)[0]
	assert.Regexp(t, `^https://cameras\.example\.org/claim#id=`+l.Camera+`&code=`+l.Claim+`&fp=[\w-]{43}&pair=`+l.Pairing+`$`, l.Address())
	back, err := parseText(l.Text())
	require.NoError(t, err)
	assert.Equal(t, l, back)
	for _, shown := range []string{l.Camera, l.Claim, l.Pairing} {
		assert.Contains(t, l.Text(), credential.FormatCode(shown))
	}
}

func TestDamagedLabelIsRefused(t *testing.T) {
	t.Parallel()
	l := labels(t, 1)[0]
	for _, text := range []string{
		"", "something else", addressTitle, addressTitle + portalURL + "/claim#id=%",
		strings.Replace(l.Text(), "id="+l.Camera, "id="+l.Camera[:19]+"u", 1),
		strings.Replace(l.Text(), "&fp=", "&fp=x", 1),
		strings.Replace(l.Text(), "&pair=", "&other=", 1),
	} {
		_, err := parseText(text)
		assert.Error(t, err, "%q", text)
	}
}

func FuzzLabel(f *testing.F) {
	f.Add(addressTitle + portalURL + "/claim#id=a&code=b&fp=c&pair=d")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseText(text)
		if err != nil {
			return
		}
		back, err := parseText(l.Text())
		if err != nil || back != l {
			t.Fatalf("%q: %+v, then %+v (%v)", text, l, back, err)
		}
	})
}

// readCodes returns what a reader of codes finds in pictures.
func readCodes(t *testing.T, pictures ...string) []string {
	t.Helper()
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("NOT TESTED: zbarimg is missing; .ci/deps test installs it")
	}
	out, err := exec.Command(zbar, append([]string{"--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"}, pictures...)...).Output()
	require.NoError(t, err, "a code was not read")
	return strings.Fields(string(out))
}

func TestPictureIsReadable(t *testing.T) {
	t.Parallel()
	l := labels(t, 1)[0]
	code, err := newSquares(l)
	require.NoError(t, err)
	data, err := code.picture()
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Zero(t, picture.Bounds().Dx()%squareSize)
	file := filepath.Join(t.TempDir(), "label.png")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	assert.Equal(t, []string{l.Address()}, readCodes(t, file))
}

// printed is the resolution of a simple label printer, in dots an inch.
const printed = 203

// Every code of every layout is read from its place on the pages, as a simple printer would print them.
func TestSheetsAreReadable(t *testing.T) {
	t.Parallel()
	for _, sheet := range []Sheet{Sheets[0], Sheets[2]} { // the largest labels and the smallest
		t.Run(sheet.Name, func(t *testing.T) {
			t.Parallel()
			list := labels(t, sheet.PerPage()+1) // one page, and one label on the next
			file := filepath.Join(t.TempDir(), LabelsFile)
			require.NoError(t, writeFile(file, func(f *os.File) error { return sheet.pdf(f, list, codes{}) }))
			var want []string
			for _, l := range list {
				want = append(want, l.Address())
			}
			assert.Equal(t, want, readCodes(t, cutPages(t, sheet, file, len(list))...))
		})
	}
}

// cutPages prints a file of labels and cuts them apart; it returns their pictures.
func cutPages(t *testing.T, sheet Sheet, file string, count int) (cut []string) {
	t.Helper()
	dir := t.TempDir()
	for i, page := range renderPages(t, file, dir) {
		for place := range min(sheet.PerPage(), count-i*sheet.PerPage()) {
			cut = append(cut, cutLabel(t, sheet, page, place, filepath.Join(dir, fmt.Sprintf("%d-%d.pgm", i, place))))
		}
	}
	return cut
}

// gray is a picture as pdftoppm writes it (Netpbm's PGM).
type gray struct {
	width, height int
	dots          []byte
}

// renderPages makes pictures of the pages.
func renderPages(t *testing.T, file, dir string) (pages []gray) {
	t.Helper()
	pdftoppm, err := exec.LookPath("pdftoppm")
	if err != nil {
		t.Skip("NOT TESTED: pdftoppm is missing; .ci/deps test installs it")
	}
	out, err := exec.Command(pdftoppm, "-r", fmt.Sprint(printed), "-gray", file, filepath.Join(dir, "page")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := filepath.Glob(filepath.Join(dir, "page*.pgm"))
	require.NoError(t, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		page := gray{}
		_, err = fmt.Sscanf(string(data[:min(len(data), 40)]), "P5\n%d %d\n255\n", &page.width, &page.height)
		require.NoError(t, err)
		page.dots = data[len(data)-page.width*page.height:]
		pages = append(pages, page)
	}
	return pages
}

// cutLabel cuts one label out of a page, as people see one at a time.
func cutLabel(t *testing.T, s Sheet, page gray, place int, name string) string {
	t.Helper()
	dots := func(mm float64) int { return int(mm / 25.4 * printed) }
	x, y := dots(s.left+float64(place%s.columns)*s.stepX), dots(s.top+float64(place/s.columns)*s.stepY)
	width, height := min(dots(s.width), page.width-x), min(dots(s.height), page.height-y)
	cut := fmt.Appendf(nil, "P5\n%d %d\n255\n", width, height)
	for row := range height {
		cut = append(cut, page.dots[(y+row)*page.width+x:][:width]...)
	}
	require.NoError(t, os.WriteFile(name, cut, 0o600))
	return name
}

// No label reaches over the edge of its page, or into the one beside it.
func TestSheetsFitTheirPaper(t *testing.T) {
	t.Parallel()
	papers := map[string][2]float64{"A4": {210, 297}, "Letter": {215.9, 279.4}}
	for _, s := range Sheets {
		paper := papers[s.paper]
		assert.LessOrEqual(t, s.left+float64(s.columns-1)*s.stepX+s.width, paper[0]+0.01, s.Name)
		assert.LessOrEqual(t, s.top+float64(s.rows-1)*s.stepY+s.height, paper[1]+0.01, s.Name)
		assert.LessOrEqual(t, s.width, s.stepX, s.Name)
		assert.LessOrEqual(t, s.height, s.stepY, s.Name)
	}
	_, err := SheetNamed("a5")
	assert.ErrorContains(t, err, "a4-3x8, a4-3x7, letter-3x10")
}

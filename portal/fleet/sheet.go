package fleet

import (
	"fmt"
	"io"
	"net/url"
	"slices"

	"codeberg.org/go-pdf/fpdf"

	"seccam/pkg/credential"
)

// Sheet is a sheet of labels as it is sold. Lengths are in millimetres.
type Sheet struct {
	// Name is how it is asked for; Text says which labels these are.
	Name, Text    string
	paper         string
	columns, rows int
	// left and top are the margins before the first label; stepX and stepY lead from one label to the next.
	left, top, stepX, stepY float64
	width, height           float64
}

// Sheets are the layouts that there are, the usual one first.
var Sheets = []Sheet{
	{"a4-3x8", "A4, 24 labels of 70 × 37 mm", "A4", 3, 8, 0, 0.5, 70, 37, 70, 37},
	{"a4-3x7", "A4, 21 labels of 63.5 × 38.1 mm", "A4", 3, 7, 7.2, 15.15, 66.04, 38.1, 63.5, 38.1},
	{"letter-3x10", "US Letter, 30 labels of 2 5/8 × 1 in", "Letter", 3, 10, 4.76, 12.7, 69.85, 25.4, 66.7, 25.4},
}

// SheetNamed finds a layout.
func SheetNamed(name string) (Sheet, error) {
	i := slices.IndexFunc(Sheets, func(s Sheet) bool { return s.Name == name })
	if i < 0 {
		return Sheet{}, fmt.Errorf("there is no sheet %.40q; choose one of %s", name, sheetNames())
	}
	return Sheets[i], nil
}

func sheetNames() string {
	names := ""
	for i, s := range Sheets {
		if i > 0 {
			names += ", "
		}
		names += s.Name
	}
	return names
}

// PerPage is how many labels a page has.
func (s Sheet) PerPage() int { return s.columns * s.rows }

// pdf writes the labels as pages; codes that are known are not made again. The codes are drawn as squares and not as
// pictures, so any printer prints them as sharply as it can.
func (s Sheet) pdf(to io.Writer, labels []Label, known codes) error {
	if err := known.complete(labels); err != nil {
		return err
	}
	pdf := fpdf.New("P", "mm", s.paper, "")
	pdf.SetTitle("SecCam labels", true)
	pdf.SetMargins(0, 0, 0)
	pdf.SetAutoPageBreak(false, 0)
	for i, label := range labels {
		place := i % s.PerPage()
		if place == 0 {
			pdf.AddPage()
		}
		x := s.left + float64(place%s.columns)*s.stepX
		y := s.top + float64(place/s.columns)*s.stepY
		s.draw(pdf, x, y, label, known[label.Camera])
	}
	if err := pdf.Output(to); err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	return nil
}

// padding keeps the printing away from where the sheet is cut: printers are a millimetre off.
const padding = 1.5

// draw puts the code at the left of a label, and the texts beside it.
func (s Sheet) draw(pdf *fpdf.Fpdf, x, y float64, l Label, code squares) {
	side := min(s.height-2*padding, s.width/2)
	drawSquares(pdf, x+padding, y+(s.height-side)/2, side, code)
	left := x + padding + side
	drawTexts(pdf, left, y+padding, x+s.width-2*padding-left, s.height-2*padding, l)
}

// drawSquares draws the dark squares of each row that touch as one rectangle: hairlines between them could be
// seen otherwise.
func drawSquares(pdf *fpdf.Fpdf, x, y, side float64, code squares) {
	square := side / float64(code.width+2*quietZone)
	x, y = x+quietZone*square, y+quietZone*square
	pdf.SetFillColor(0, 0, 0)
	for row := range code.width {
		for from := 0; from < code.width; from++ {
			to := from
			for code.dark(to, row) {
				to++
			}
			if to > from {
				pdf.Rect(x+float64(from)*square, y+float64(row)*square, float64(to-from)*square, square, "F")
				from = to
			}
		}
	}
}

// Of the texts beside a code: a code's characters with their hyphens, Courier's width of one in sizes of the font,
// the lines that they take together, the distance of two lines likewise, and millimetres of a point.
const (
	codeWidth    = 23
	courierWidth = 0.6
	textLines    = 8
	lineStep     = 1.25
	point        = 25.4 / 72
	maxFont      = 8.5
)

// drawTexts writes what people type who have no phone at hand, as large as there is room.
func drawTexts(pdf *fpdf.Fpdf, x, y, width, height float64, l Label) {
	size := min(maxFont, width/(codeWidth*courierWidth*point), height/(textLines*lineStep*point))
	line := size * point * lineStep
	write := func(family, style string, size float64, text string) {
		pdf.SetFont(family, style, size)
		y += line
		pdf.Text(x, y, text)
	}
	write("Helvetica", "B", size, "SecCam camera")
	for _, part := range [][2]string{{"id", l.Camera}, {"claim code", l.Claim}, {"pairing code", l.Pairing}} {
		write("Helvetica", "", size*0.75, part[0])
		y -= line * 0.15
		write("Courier", "B", size, credential.FormatCode(part[1]))
	}
	write("Helvetica", "", size*0.75, hostOf(l.Portal))
}

func hostOf(portal string) string {
	if u, err := url.Parse(portal); err == nil && u.Host != "" {
		return u.Host
	}
	return portal
}

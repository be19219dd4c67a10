// Package spreadsheet makes text safe for programs that calculate: people open our CSV files in them, and what
// begins like a formula would be one.
package spreadsheet

import "strings"

// Cell keeps a spreadsheet from taking text that others chose for a formula: an apostrophe before it says that it
// is text (OWASP, "CSV injection").
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// Row is a row of cells.
func Row(cells ...string) []string {
	row := make([]string, len(cells))
	for i, text := range cells {
		row[i] = Cell(text)
	}
	return row
}

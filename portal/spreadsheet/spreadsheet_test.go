package spreadsheet

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Front door": "Front door", "a=1": "a=1",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
	} {
		assert.Equal(t, want, Cell(text), "%q", text)
	}
	assert.Equal(t, []string{"a", "'=b"}, Row("a", "=b"))
}

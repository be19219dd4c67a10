package e2e

import (
	"strconv"

	"github.com/chromedp/chromedp"
)

func itoa(n int) string { return strconv.Itoa(n) }

func ftoa(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// submit sends a form as pressing Enter in it does.
func submit(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Submit(chromedp.CSS(selector))
}

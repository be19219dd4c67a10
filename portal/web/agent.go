package web

import (
	"strings"

	"github.com/mileusna/useragent"
)

// deviceName says in a few words what a User-Agent claims to be: "Firefox on Linux". Browsers hide more than
// they tell, so it says no more than that.
func deviceName(agent string) string {
	parsed := useragent.Parse(agent)
	name := strings.TrimPrefix(parsed.Name, "Headless ")
	on := parsed.OS
	if parsed.Device == "iPhone" || parsed.Device == "iPad" {
		on = parsed.Device
	}
	switch {
	case name == "":
		return "An unknown program"
	case on == "":
		return name[:min(len(name), 40)]
	}
	return name + " on " + on
}

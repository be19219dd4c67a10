package source

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asProgram says as which program the test binary was started again; see [fakePrograms].
const asProgram = "AS_PROGRAM"

// fakePrograms are what the test binary can be, besides the tests. Each gets the arguments.
var fakePrograms = map[string]func(args []string){
	"rpicam-vid": fakeRPiCam,
	"parent":     fakeParent,
	"writer":     fakeWriter,
}

func TestMain(m *testing.M) {
	if program := fakePrograms[os.Getenv(asProgram)]; program != nil {
		program(os.Args[1:])
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

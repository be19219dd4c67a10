package source

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cameraControl is a setting that a viewer may change, and the V4L2 controls that may be it, the best
// one first.
type cameraControl struct {
	name     string
	absolute uint32 // V4L2_CID_ and the name in capitals; for movements with _ABSOLUTE
	relative uint32 // with _RELATIVE, used if there is no absolute one; 0 is none
}

var cameraControls = []cameraControl{
	{name: "brightness", absolute: 0x0098_0900},
	{name: "contrast", absolute: 0x0098_0901},
	{name: "saturation", absolute: 0x0098_0902},
	{name: "sharpness", absolute: 0x0098_091b},
	{name: "pan", absolute: 0x009a_0908, relative: 0x009a_0904},
	{name: "tilt", absolute: 0x009a_0909, relative: 0x009a_0905},
	{name: "zoom", absolute: 0x009a_090d, relative: 0x009a_090e},
}

// Flags of v4l2QueryControl for a control that cannot be set now: disabled, grabbed by another
// program, read-only, inactive.
const v4l2ControlFixed = 0x01 | 0x02 | 0x04 | 0x10

// Kinds of v4l2QueryControl whose value is a number.
const (
	v4l2ControlInteger = 1
	v4l2ControlBoolean = 2
	v4l2ControlMenu    = 3
)

// queryControl asks for a control that can be set now.
func queryControl(ask ioctl, id uint32) (v4l2QueryControl, bool) {
	q := v4l2QueryControl{id: id}
	if id == 0 || ask(v4l2QueryCtrl, unsafe.Pointer(&q)) != nil || q.flags&v4l2ControlFixed != 0 {
		return q, false
	}
	number := q.kind == v4l2ControlInteger || q.kind == v4l2ControlBoolean || q.kind == v4l2ControlMenu
	return q, number && q.min < q.max
}

func settable(ask ioctl, id uint32) bool {
	_, ok := queryControl(ask, id)
	return ok
}

// errNoControl means that a camera has no such control, or that it cannot be set now.
var errNoControl = errors.New("no such control")

// setWithin sets a control to the value nearest to the wanted one.
func setWithin(ask ioctl, id uint32, value int) error {
	q, ok := queryControl(ask, id)
	if !ok {
		return errNoControl
	}
	c := v4l2Control{id: id, value: int32(min(max(value, int(q.min)), int(q.max)))}
	return ask(v4l2SetControl, unsafe.Pointer(&c))
}

// find asks the camera for the control, and returns what a viewer is told of it.
func (c cameraControl) find(ask ioctl) (Control, uint32, bool) {
	id, relative := c.absolute, false
	q, ok := queryControl(ask, id)
	if !ok {
		id, relative = c.relative, true
		if q, ok = queryControl(ask, id); !ok {
			return Control{}, 0, false
		}
	}
	control := Control{Name: c.name, Min: int(q.min), Max: int(q.max), Step: max(1, int(q.step)), Relative: relative}
	if relative {
		return control, id, true
	}
	now := v4l2Control{id: id}
	if ask(v4l2GetControl, unsafe.Pointer(&now)) != nil {
		return Control{}, 0, false
	}
	control.Value = int(now.value)
	return control, id, true
}

// Controls implements Adjustable: what the camera has and lets be set now, with its values of now.
func (s *cameraStream) Controls() []Control {
	var found []Control
	for _, c := range cameraControls {
		if control, _, ok := c.find(s.ask); ok {
			found = append(found, control)
		}
	}
	return found
}

// Set implements Adjustable. The camera takes the step nearest to value.
func (s *cameraStream) Set(name string, value int) error {
	for _, c := range cameraControls {
		if c.name != name {
			continue
		}
		control, id, ok := c.find(s.ask)
		if !ok {
			break
		}
		if value < control.Min || value > control.Max {
			return fmt.Errorf("%s of camera %s is from %d to %d, not %d", name, s.node.name, control.Min, control.Max, value)
		}
		wanted := v4l2Control{id: id, value: int32(value)}
		if err := s.ask(v4l2SetControl, unsafe.Pointer(&wanted)); err != nil {
			return controlError(s.node.name, name, err)
		}
		return nil
	}
	return fmt.Errorf("camera %s has no setting %q that can be changed now", s.node.name, name)
}

// controlError is like [cameraError]; but a camera is not in use by another program if one setting is.
func controlError(camera, name string, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%s of camera %s cannot be changed at the moment; try again later: %w", name, camera, err)
	}
	return cameraError(camera, "set "+name+" of", err)
}

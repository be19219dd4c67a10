package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigByTheAPI(t *testing.T) {
	p := newPortal(t)
	owner, camera := p.member("ann")
	path := "/cameras/" + camera + "/config"
	call := func(method string, request any) (int, object) {
		t.Helper()
		var body object
		answer := owner.api(method, path, request, &body)
		return answer.status, body
	}
	status, body := call(http.MethodGet, nil)
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "unset", body["outcome"])

	status, body = call(http.MethodPut, object{"values": object{"video.fps": 15, "log_level": "debug"}})
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "pending", body["outcome"])
	require.Equal(t, map[string]any{"video.fps": 15.0, "log_level": "debug"}, body["desired"])

	for key, value := range map[string]any{"source": "exec:sh", "video.width": 641, "portal_url": "https://evil.example"} {
		status, body = call(http.MethodPut, object{"values": object{"video.fps": 10, key: value}})
		require.Equal(t, http.StatusUnprocessableEntity, status, body)
		require.Contains(t, body["errors"], "values."+key)
	}
	status, body = call(http.MethodPut, object{})
	require.Equal(t, http.StatusUnprocessableEntity, status, body)
	_, body = call(http.MethodGet, nil)
	require.Equal(t, map[string]any{"video.fps": 15.0, "log_level": "debug"}, body["desired"], "nothing of what is wrong was kept")
}

// A program that names what it has seen does not undo what somebody else did.
func TestConfigOnlyIfUnchanged(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("ann")
	path := "/cameras/" + camera + "/config"
	set := func(tag string, fps int) reply {
		owner.head.Set("If-Match", tag)
		defer owner.head.Del("If-Match")
		return owner.api(http.MethodPut, path, object{"values": object{"video.fps": fps}}, nil)
	}
	seen := owner.api(http.MethodGet, path, nil, nil).header.Get("ETag")
	require.Equal(t, `"0"`, seen)
	first := set(seen, 15)
	require.Equal(t, http.StatusOK, first.status, first.body)
	for _, tag := range []string{seen, `"x"`, "0", `W/"0"`} {
		refused := set(tag, 20)
		require.Equal(t, http.StatusPreconditionFailed, refused.status, tag)
		require.Contains(t, refused.body, "configuration-seen-changed")
	}
	require.Equal(t, http.StatusOK, set(first.header.Get("ETag"), 20).status)
	require.Equal(t, http.StatusOK, set("*", 25).status)
}

// report has a camera say how it is set.
func (p *portal) report(camera, rest string) {
	p.t.Helper()
	_, err := p.store.ReportConfig(p.t.Context(), camera, `{"v":1,"at":0,`+rest+`}`)
	require.NoError(p.t, err)
}

const reportedValues = `"values":{"video.width":1280,"video.height":720,"video.fps":30,"video.bitrate":2500000,"video.key_frame_interval":"1.5s","max_viewers":16,"log_level":"info"}`

// configForm is the form as a page has it.
func configForm(t *testing.T, page reply, changes ...string) url.Values {
	t.Helper()
	values := fields(changes...)
	values.Set(fieldSeen, regexp.MustCompile(`name="seen" value="(\d+)"`).FindStringSubmatch(page.body)[1])
	return values
}

func TestConfigPage(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("ann")
	path := "/cameras/" + camera + "/config"
	p.report(camera, `"revision":0,"set":{},`+reportedValues)
	first := owner.get(path)
	require.Equal(t, http.StatusOK, first.status)
	require.Contains(t, first.body, "2500 kbit/s")
	require.Contains(t, first.body, "1.5 s")
	require.NotContains(t, first.body, "telemetry_interval", "this camera does not know it")

	sent := owner.post(path, configForm(t, first, "video.bitrate", "1234.567", "video.key_frame_interval", "0.5", "log_level", "debug", "video.fps", " "))
	require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
	state, err := p.configs.State(t.Context(), camera)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"video.bitrate": 1234567.0, "video.key_frame_interval": "500ms", "log_level": "debug"}, state.Desired)
	waiting := owner.get(path)
	require.Contains(t, waiting.body, "Waiting for the camera")
	require.Contains(t, waiting.body, `value="1234.567"`)
	p.presence.set(camera, offline("Offline"))
	require.Contains(t, owner.get(path).body, "which is offline")

	p.report(camera, fmt.Sprintf(`"revision":0,"set":{},`+reportedValues+`,"refused":{"revision":%d,"reasons":{"video":"no <picture>","max_viewers":"too many"}}`, state.Revision))
	refused := owner.get(path)
	require.Contains(t, refused.body, "no &lt;picture&gt;")
	require.Contains(t, refused.body, "Viewers, at most:</strong> too many")
	p.report(camera, fmt.Sprintf(`"revision":%d,"set":{},`+reportedValues, state.Revision))
	require.Contains(t, owner.get(path).body, "has applied it")
	require.Contains(t, owner.get(path+"?x").body, `name="seen" value="`+strconv.FormatUint(state.Revision, 10))
}

// Nothing of what was typed is lost, be it wrong or late.
func TestConfigPageKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("ann")
	path := "/cameras/" + camera + "/config"
	first := owner.get(path)
	for field, text := range map[string]string{
		"video.width": "641", "video.height": "NaN", "video.fps": "30.5", "video.bitrate": "1e99", "max_viewers": "many",
		"telemetry_interval": "-1", "video.key_frame_interval": "1s", "log_level": "loud",
	} {
		answer := owner.post(path, configForm(t, first, "video.fps", "15", field, text))
		require.Equal(t, http.StatusUnprocessableEntity, answer.status, field)
		require.Contains(t, answer.body, "This has to be", field)
		if field != "log_level" {
			require.Contains(t, answer.body, `value="`+text+`"`, field)
		}
	}
	require.Equal(t, http.StatusBadRequest, owner.post(path, fields("video.fps", "15")).status)

	user, err := p.store.UserByName(t.Context(), "ann")
	require.NoError(t, err)
	_, err = p.configs.Set(t.Context(), user.ID, camera, nil, map[string]any{"video.fps": 20.0, "max_viewers": 5.0})
	require.NoError(t, err)
	late := owner.post(path, configForm(t, first, "video.fps", "15", "max_viewers", "5", "log_level", "warn"))
	require.Equal(t, http.StatusConflict, late.status)
	require.Contains(t, late.body, "Not saved")
	require.Contains(t, late.body, `value="15"`)
	require.Contains(t, late.body, "It was set meanwhile: 20")
	require.Equal(t, 1, strings.Count(late.body, "It was set meanwhile:"), "what is the same is no conflict")
	require.Equal(t, http.StatusSeeOther, owner.post(path, configForm(t, late, "video.fps", "15")).status, "now they know")
}

// An admin sees how anybody's camera is set, and has no form for it.
func TestAdminSeesConfig(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	_, camera := p.member("ann")
	admin, _ := p.member("boss")
	p.admin(admin, "boss")
	p.report(camera, `"revision":0,"set":{},`+reportedValues)
	page := admin.get("/admin/cameras/" + camera)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, "1280 pixels")
	require.NotContains(t, page.body, "config-form")
	require.Equal(t, http.StatusNotFound, admin.get("/cameras/"+camera+"/config").status)
	require.Equal(t, http.StatusNotFound, admin.post("/cameras/"+camera+"/config", fields(fieldSeen, "0", "video.fps", "15")).status)
}

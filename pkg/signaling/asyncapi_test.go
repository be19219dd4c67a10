package signaling

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// asyncAPI is docs/asyncapi.yaml: what these tests read of it, and its schemas, made to work.
type asyncAPI struct {
	Channels map[string]struct {
		Address    string
		Parameters map[string]any
		Messages   map[string]map[string]string // "$ref" of each
	}
	Components struct {
		Schemas  map[string]any
		Messages map[string]struct {
			ContentType string `yaml:"contentType"`
			Payload     any
		}
		Parameters map[string]struct{ Examples, Enum []string }
	}
	schemas openapi3.Schemas
}

// readAsyncAPI has kin-openapi resolve the schemas, which OpenAPI and AsyncAPI write alike, and the
// payloads of the messages, which get the names "message.<name>".
func readAsyncAPI(t *testing.T) *asyncAPI {
	t.Helper()
	text, err := os.ReadFile("../../docs/asyncapi.yaml")
	require.NoError(t, err)
	var a asyncAPI
	require.NoError(t, yaml.Unmarshal(text, &a))
	for name, message := range a.Components.Messages {
		a.Components.Schemas["message."+name] = message.Payload
	}
	data, err := json.Marshal(map[string]any{
		"openapi": "3.0.3", "paths": map[string]any{}, "info": map[string]any{"title": "schemas", "version": "1"},
		"components": map[string]any{"schemas": a.Components.Schemas},
	})
	require.NoError(t, err)
	loaded, err := openapi3.NewLoader().LoadFromData(data)
	require.NoError(t, err)
	require.NoError(t, loaded.Validate(t.Context()))
	a.schemas = loaded.Components.Schemas
	return &a
}

// visit validates JSON against a schema.
func (a *asyncAPI) visit(t *testing.T, schema string, data []byte) error {
	t.Helper()
	require.Contains(t, a.schemas, schema)
	var value any
	require.NoError(t, json.Unmarshal(data, &value))
	return a.schemas[schema].Value.VisitJSON(value)
}

// property returns the schema at a path of properties, such as "Error", "error", "code".
func (a *asyncAPI) property(t *testing.T, schema string, path ...string) *openapi3.Schema {
	t.Helper()
	require.Contains(t, a.schemas, schema)
	s := a.schemas[schema].Value
	for _, name := range path {
		require.Contains(t, s.Properties, name, schema)
		s = s.Properties[name].Value
	}
	return s
}

const testCamera = "d5tx0bdn8j6hcmav70kg"

func pointer[T any](v T) *T { return &v }

// fullMessages has every type, with every field that it may have.
func fullMessages() map[Type]Message {
	servers := []ICEServer{{URLs: []string{"turn:turn.example.org"}, Username: "u", Credential: "c"}}
	presence := Presence{Online: true, State: StateOnline, Text: "Online", LastSeen: 1, Since: 1, Fingerprint: "AA" + strings.Repeat(":0F", 31)}
	return map[Type]Message{
		TypeOffer:  {Session: testSession, Camera: testCamera, Seq: 1, Role: RoleViewer, Talk: true, Grant: "g", Until: 1, SDP: "v=0", ICEServers: servers, Policy: PolicyRelay},
		TypeAnswer: {Session: testSession, Camera: testCamera, SDP: "v=0"},
		TypeCandidate: {Session: testSession, Camera: testCamera, Seq: 1, Candidate: &Candidate{
			Candidate: "candidate:1", SDPMid: pointer("0"), SDPMLineIndex: pointer(uint16(0)), UsernameFragment: pointer("u"),
		}},
		TypeBye:     {Session: testSession, Camera: testCamera, Seq: 1, Reason: ReasonLeft, Grant: "g"},
		TypeRestart: {Session: testSession, Camera: testCamera},
		TypeError:   {Session: testSession, Camera: testCamera, Error: &Error{Code: CodeBusy, Message: "Busy.", RetryAfter: 1}},
		TypeWelcome: {Viewer: testViewer, ICEServers: servers, Policy: PolicyAll, Measure: true},
		TypeStages:  {Session: testSession, Camera: testCamera, Stages: &StageTimes{Offer: 1, Answer: 2, Connected: 3, Frame: MaxStage}},
		TypeStatus:  {Camera: testCamera, Presence: &presence},
	}
}

// schemaOf is the name of the schema of a message type.
func schemaOf(kind Type) string { return strings.ToUpper(string(kind[:1])) + string(kind[1:]) }

func TestAsyncAPIMessages(t *testing.T) {
	a := readAsyncAPI(t)
	for kind, m := range fullMessages() {
		t.Run(string(kind), func(t *testing.T) {
			m.Type = kind
			data, err := Encode(m)
			require.NoError(t, err)
			require.NoError(t, a.visit(t, schemaOf(kind), data))
			var fields map[string]any
			require.NoError(t, json.Unmarshal(data, &fields))
			documented := a.schemas[schemaOf(kind)].Value.Properties
			assert.ElementsMatch(t, keys(fields), keys(documented), "fields of the message and of its schema")
			for field := range fields {
				without := mapWithout(fields, field)
				_, refused := Decode(without)
				visited := a.visit(t, schemaOf(kind), without)
				assert.Equal(t, refused != nil, visited != nil, "without %s: Decode says %v, the schema %v", field, refused, visited)
			}
		})
	}
	assert.ElementsMatch(t, keys(required), keys(fullMessages()), "a type is missing in this test")
}

func TestAsyncAPIStatus(t *testing.T) {
	a := readAsyncAPI(t)
	full := Status{
		Online: true, Boot: "b", Connection: 1, At: 1, Reason: OfflineShutdown, Picture: PictureLive, Detail: "d",
		Source: "s", Viewers: 1, Version: "1",
	}
	require.NoError(t, a.visit(t, "CameraStatus", EncodeStatus(full)))
	require.NoError(t, a.visit(t, "CameraStatus", EncodeStatus(Status{Reason: OfflineConnectionLost})), "a Will")
	require.Error(t, a.visit(t, "CameraStatus", []byte(`{"v":2,"online":true,"boot":"b","connection":1,"viewers":0}`)))
}

// Every struct on the wire has the fields that are documented.
func TestAsyncAPIFields(t *testing.T) {
	a := readAsyncAPI(t)
	for schema, sample := range map[string]any{
		"CameraStatus": Status{}, "Presence": Presence{}, "Refusal": Error{}, "ICEServer": ICEServer{}, "ICECandidate": Candidate{}, "StageTimes": StageTimes{},
		"SnapshotRequest": SnapshotRequest{}, "PrivacyRequest": PrivacyRequest{}, "PrivacyReply": PrivacyReply{},
		"PrivacySettings": PrivacySettings{}, "PrivacySpan": PrivacySpan{}, "ErrorReply": ErrorReply{},
		"PingRequest": PingRequest{}, "PingReply": PingReply{}, "InfoRequest": InfoRequest{}, "InfoReply": InfoReply{},
		"LogsRequest": LogsRequest{}, "LogsReply": LogsReply{}, "LogLine": LogLine{}, "RestartRequest": RestartRequest{}, "RestartReply": RestartReply{},
		"SelftestRequest": SelftestRequest{}, "SelftestReply": SelftestReply{}, "Check": Check{},
		"ConfigDesired": ConfigDesired{}, "ConfigReported": ConfigReported{}, "ConfigRefusal": ConfigRefusal{}, "ConfigRequest": ConfigRequest{},
		"Telemetry": Telemetry{}, "Connections": Connections{}, "Event": Event{},
	} {
		var fields []string
		for i := range reflect.TypeOf(sample).NumField() {
			fields = append(fields, jsonName(reflect.TypeOf(sample).Field(i).Tag))
		}
		assert.ElementsMatch(t, fields, keys(a.schemas[schema].Value.Properties), schema)
	}
}

// Every Type, Code, Reason … constant is documented, and nothing else is.
func TestAsyncAPIConstants(t *testing.T) {
	a := readAsyncAPI(t)
	var types []any
	for kind := range required {
		types = append(types, a.property(t, schemaOf(kind), "type").Enum...)
	}
	documented := map[string][]any{
		"Type":    types,
		"Code":    a.property(t, "Error", "error", "code").Enum,
		"Reason":  a.property(t, "Bye", "reason").Enum,
		"Picture": a.property(t, "CameraStatus", "picture").Enum,
		"Offline": a.property(t, "CameraStatus", "reason").Enum,
		"State":   a.property(t, "Status", "presence", "state").Enum,
		"Role":    a.property(t, "Offer", "role").Enum,
		"Policy":  a.property(t, "Offer", "ice_policy").Enum,
		"Method":  values(a.Components.Parameters["method"].Enum),
		"Event":   values(a.Components.Parameters["kind"].Enum),
		"Level":   a.property(t, "LogsRequest", "level").Enum,
		"Check":   a.property(t, "Check", "result").Enum,
		"Restart": a.property(t, "RestartRequest", "what").Enum,
		"Content": a.contentTypes(),
	}
	declared := map[string][]any{}
	for name, value := range stringConstants(t) {
		if name == "Root" {
			continue
		}
		group := ""
		for prefix := range documented {
			if strings.HasPrefix(name, prefix) {
				group = prefix
			}
		}
		require.NotEmpty(t, group, "constant %s belongs to no enum of docs/asyncapi.yaml", name)
		declared[group] = append(declared[group], value)
	}
	for group, values := range documented {
		assert.ElementsMatch(t, declared[group], values, "%s…: constants, and docs/asyncapi.yaml", group)
	}
	assert.EqualValues(t, MaxStage, *a.property(t, "Stages", "stages", "frame").Max)
	assert.EqualValues(t, MaxSDP, *a.property(t, "Offer", "sdp").MaxLength)
	assert.EqualValues(t, MaxCandidate, *a.property(t, "Candidate", "candidate", "candidate").MaxLength)
	assert.EqualValues(t, MaxICEServers, *a.property(t, "Offer", "ice_servers").MaxItems)
	assert.Equal(t, []any{float64(Version)}, a.property(t, "Offer", "v").Enum)
}

// stringConstants finds the exported string constants in the package's source.
func stringConstants(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			for _, spec := range general.Specs {
				collectStrings(spec.(*ast.ValueSpec), found)
			}
		}
	}
	return found
}

func collectStrings(spec *ast.ValueSpec, into map[string]string) {
	for i, value := range spec.Values {
		literal, ok := value.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING || !spec.Names[i].IsExported() {
			continue
		}
		into[spec.Names[i].Name], _ = strconv.Unquote(literal.Value)
	}
}

// The MQTT addresses are those that this package writes and reads.
func TestAsyncAPITopics(t *testing.T) {
	a := readAsyncAPI(t)
	templates := map[Kind]string{}
	for kind := KindStatus; kind <= KindConfigReported; kind++ {
		name := map[Kind]string{KindRPC: "{method}", KindReply: "{client}", KindEvent: "{kind}"}[kind]
		templates[kind] = Topic{Kind: kind, Camera: "{camera}", Portal: "{portal}", Session: "{session}", Name: name}.String()
	}
	var seen []Kind
	for name, channel := range a.Channels {
		if !strings.HasPrefix(channel.Address, Root) {
			assert.Equal(t, "signal", name, "neither a topic nor the WebSocket")
			continue
		}
		filled := channel.Address
		for parameter := range channel.Parameters {
			require.NotEmpty(t, a.Components.Parameters[parameter].Examples, parameter)
			filled = strings.ReplaceAll(filled, "{"+parameter+"}", a.Components.Parameters[parameter].Examples[0])
		}
		topic, err := ParseTopic(filled)
		require.NoError(t, err, name)
		assert.Equal(t, filled, topic.String())
		assert.Equal(t, templates[topic.Kind], channel.Address)
		seen = append(seen, topic.Kind)
	}
	assert.ElementsMatch(t, []Kind{KindStatus, KindTelemetry, KindEvent, KindToCamera, KindToViewer, KindRPC, KindReply, KindConfigDesired, KindConfigReported}, seen)
}

// Each message of each channel has a payload that resolves; what is stamped or addressed must be.
func TestAsyncAPIChannels(t *testing.T) {
	a := readAsyncAPI(t)
	used := map[string]bool{}
	for name, channel := range a.Channels {
		for _, ref := range channel.Messages {
			message := strings.TrimPrefix(ref["$ref"], "#/components/messages/")
			require.Contains(t, a.schemas, "message."+message, name)
			used[message] = true
		}
	}
	assert.ElementsMatch(t, keys(a.Components.Messages), keys(used), "messages, and those that a channel has")
	bare := Message{Type: TypeBye, Session: testSession, Reason: ReasonLeft}
	data, err := Encode(bare)
	require.NoError(t, err)
	require.NoError(t, a.visit(t, "message.bye", data))
	require.Error(t, a.visit(t, "message.stampedBye", data))
	require.Error(t, a.visit(t, "message.pageBye", data))
}

func jsonName(tag reflect.StructTag) string {
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	return name
}

func keys[K comparable, V any](m map[K]V) (all []string) {
	for key := range m {
		all = append(all, reflect.ValueOf(key).String())
	}
	slices.Sort(all)
	return all
}

func mapWithout(m map[string]any, key string) []byte {
	rest := map[string]any{}
	for k, v := range m {
		if k != key {
			rest[k] = v
		}
	}
	data, _ := json.Marshal(rest) // it was JSON
	return data
}

//go:build deploy

package deploy

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"keep-bootstrap/test/pgtest"
)

type job struct {
	Kind     string
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		CompletionMode       string `yaml:"completionMode"`
		Completions          int
		BackoffLimit         *int `yaml:"backoffLimit"`
		BackoffLimitPerIndex *int `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy     struct {
			Rules []struct {
				Action      string
				OnExitCodes *struct {
					ContainerName string `yaml:"containerName"`
					Values        []int
				} `yaml:"onExitCodes"`
			}
		} `yaml:"podFailurePolicy"`
		Template struct{ Spec pod }
	}
}

// render is the Job that the chart makes of values, checked against the schemas of the oldest and the newest Kubernetes.
func render(t *testing.T, args ...string) *job {
	t.Helper()
	var log bytes.Buffer
	helm := exec.Command("../.tools/bin/helm", append([]string{"template", "keep", "chart", "--namespace", "monitoring"}, args...)...)
	helm.Stderr = &log
	text, err := helm.Output()
	if err != nil {
		t.Fatalf("helm: %v\n%s", err, log.String())
	}
	path := filepath.Join(t.TempDir(), "rendered.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.29", "1.37"} {
		if output, err := exec.Command("../.tools/bin/kubernetes-validate", "--strict", "-k", version, path).CombinedOutput(); err != nil {
			t.Fatalf("Kubernetes %s: %v\n%s", version, err, output)
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var found *job
	for {
		var j job
		if err := decoder.Decode(&j); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(j.Metadata.Name, "keep") {
			t.Errorf("%s %s: Keep's chart deletes keep-*", j.Kind, j.Metadata.Name)
		}
		if j.Kind == "Job" {
			found = &j
		}
	}
	if found == nil {
		t.Fatalf("no Job in\n%s", text)
	}
	restricted(t, &found.Spec.Template.Spec)
	return found
}

// restricted checks what the policy restricted of PodSecurity admits, and what the chart promises.
func restricted(t *testing.T, p *pod) {
	t.Helper()
	if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.SeccompProfile.Type != "RuntimeDefault" || p.HostNetwork || len(p.Containers) != 1 {
		t.Errorf("the pod is not restricted: %+v", p)
	}
	if p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken {
		t.Error("a token of the service account is mounted")
	}
	c := &p.Containers[0]
	if s := c.SecurityContext; s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("the container is not restricted: %+v", s)
	}
	if c.TerminationMessagePolicy != "FallbackToLogsOnError" || c.Resources.Requests["cpu"] == "" || c.Resources.Limits["memory"] == "" {
		t.Errorf("%+v", c)
	}
}

// exitCodes checks what the Job does with the exit codes that no retry mends.
func exitCodes(t *testing.T, j *job, action string) {
	t.Helper()
	rule := j.Spec.PodFailurePolicy.Rules[0]
	if rule.Action != action || rule.OnExitCodes == nil || !slices.Equal(rule.OnExitCodes.Values, []int{64, 65, 77, 78}) ||
		rule.OnExitCodes.ContainerName != j.Spec.Template.Spec.Containers[0].Name {
		t.Errorf("%+v", rule)
	}
}

const providers = `providers:
  - name: grafana-prod
    type: grafana
    authentication: {host: https://grafana.example.com, token: $(GRAFANA_TOKEN)}
  - name: prometheus
    type: prometheus
    authentication: {url: http://prometheus.example.com, username: keep, password: $(file:/secrets/prometheus)}
`

// TestChart runs the pod that the chart makes, on a real database: as it should be, with a mistake in the input, without a server.
func TestChart(t *testing.T) {
	t.Parallel()
	j := render(t, "-f", "chart/ci/one-values.yaml", "--set", "wait=1s")
	exitCodes(t, j, "FailJob")
	if hook := j.Metadata.Annotations["helm.sh/hook"]; hook != "post-install,post-upgrade" || *j.Spec.BackoffLimit != 2 {
		t.Errorf("hook %q, backoffLimit %d", hook, *j.Spec.BackoffLimit)
	}
	p := &j.Spec.Template.Spec
	for name, test := range map[string]struct {
		manifest string
		noServer bool
		exit     int
		message  []string
	}{
		"done":      {manifest: providers, exit: 0},
		"bad input": {manifest: strings.Replace(providers, "host:", "hots:", 1), exit: 65, message: []string{"/manifest/providers.yaml:4:22", "error: input"}},
		"no server": {manifest: providers, noServer: true, exit: 69, message: []string{"error: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.New(t, pgtest.Keep(newestKeep))
			address := strings.Replace(d.URL, "postgres://", "postgresql+psycopg2://", 1)
			if test.noServer {
				address = "postgresql+psycopg2://keep:hunter2@127.0.0.1:1/keep"
			}
			log, exit := cluster{
				"Secret/postgres-of-keep":     {"url": address},
				"Secret/tokens-of-keep":       {"grafana": "glsa_hunter2", "prometheus": "hunter2"},
				"ConfigMap/providers-of-keep": {"providers.yaml": test.manifest},
			}.start(t, p, &p.Containers[0], 0)
			if exit != test.exit || strings.Contains(log, "hunter2") {
				t.Errorf("exit code %d, want %d\n%s", exit, test.exit, log)
			}
			for _, want := range test.message {
				if !strings.Contains(message(log), want) {
					t.Errorf("the message of the pod lacks %q:\n%s", want, message(log))
				}
			}
			if test.exit == 0 {
				if rows := pgtest.Table(t, d.Conn(t), "select value::json -> 'authentication' ->> 'password' from secret where key like '%prometheus%'"); len(rows) != 1 || rows[0][0] != "hunter2" {
					t.Errorf("%v", rows)
				}
			}
		})
	}
}

// TestChartKeepObjects: the Secret and the ConfigMap that Keep's chart makes are read as they are.
func TestChartKeepObjects(t *testing.T) {
	t.Parallel()
	j := render(t, "-f", "chart/ci/keep-chart-values.yaml")
	if hook := j.Metadata.Annotations["helm.sh/hook"]; hook != "pre-install,pre-upgrade" {
		t.Errorf("hook %q", hook)
	}
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	p := &j.Spec.Template.Spec
	if image := p.Containers[0].Image; !strings.Contains(image, "keep-bootstrap@sha256:000") {
		t.Error(image)
	}
	log, exit := cluster{
		"Secret/postgres-of-keep":  {"url": d.URL},
		"Secret/keep-providers":    {"KEEP_PROVIDERS": `{"vms":{"authentication":{"VMAlertHost":"http://vms","VMAlertPort":8880},"type":"victoriametrics"}}` + "\n"},
		"ConfigMap/keep-workflows": {"example.yaml": "id: example\nname: Example\ntriggers:\n- type: manual\nactions:\n- name: tell\n  provider:\n    type: console\n    with:\n      message: hello\n"},
	}.start(t, p, &p.Containers[0], 0)
	if exit != 0 {
		t.Fatalf("exit code %d\n%s", exit, log)
	}
	if rows := pgtest.Table(t, d.Conn(t), "select name from provider union all select name from workflow order by 1"); len(rows) != 2 || rows[0][0] != "Example" || rows[1][0] != "vms" {
		t.Errorf("%v", rows)
	}
}

// TestChartFleet runs the pods of an indexed Job: each with the files and variables of its own database.
func TestChartFleet(t *testing.T) {
	t.Parallel()
	j := render(t, "-f", "fleet/values.yaml")
	exitCodes(t, j, "FailIndex")
	if j.Spec.CompletionMode != "Indexed" || j.Spec.Completions != 3 || j.Spec.BackoffLimitPerIndex == nil || j.Metadata.Annotations["keep-bootstrap/databases"] != "team-a,team-b,team-c" {
		t.Errorf("%+v", j)
	}
	objects := cluster{
		"ConfigMap/providers-of-all":    {"providers.yaml": "providers:\n  - {name: grafana, type: grafana, authentication: {host: http://g, token: $(TOKEN)}}\n"},
		"ConfigMap/providers-of-team-c": {"keep.yaml": "dashboards:\n  - {dashboard_name: C, dashboard_config: {layout: [], widget_data: []}}\n"},
	}
	var databases []*pgtest.Database
	for i, team := range []string{"a", "b", "c"} {
		d := pgtest.New(t, pgtest.Keep(newestKeep))
		databases = append(databases, d)
		objects["Secret/database-of-team-"+team] = map[string]string{
			[]string{"env", "env", "variables"}[i]: "DATABASE_URL=" + d.URL + "\nTOKEN=token-" + team + "\nBOOTSTRAP_TENANT=tenant-" + team + "\n",
		}
	}
	p := &j.Spec.Template.Spec
	for index := range databases {
		if log, exit := objects.start(t, p, &p.Containers[0], index); exit != 0 {
			t.Errorf("index %d: exit code %d\n%s", index, exit, log)
		}
	}
	for i, want := range []string{"token-a", "token-b", "C"} {
		rows := pgtest.Table(t, databases[i].Conn(t), "select value::json -> 'authentication' ->> 'token' from secret union all select dashboard_name from dashboard")
		if len(rows) != 1 || rows[0][0] != want {
			t.Errorf("database %d has %v, want %s", i, rows, want)
		}
		if rows := pgtest.Table(t, databases[i].Conn(t), "select tenant_id from provider union select tenant_id from dashboard"); len(rows) != 1 || rows[0][0] != "tenant-"+string(rune('a'+i)) {
			t.Errorf("database %d has objects of the tenants %v", i, rows)
		}
	}
}

// TestChartRefuses: values that cannot work are refused by helm, with a reason.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ set, want string }{
		{"image.repository=", "image.repository is required"},
		{"database.secret=", "database.secret is required"},
		{"namePrefix=keep-jobs", "namePrefix"},
		{"namePrefix=keep", "namePrefix"},
		{"hook=none", "hook"},
		{"wait=soon", "wait"},
		{"databse.secret=x", "databse"},
		{"manifest.secret=x", "exclude each other"},
		{"backoffLimit=-1", "backoffLimit"},
		{"fleet.databases[0].name=a", "secret"},
		{"manifest.configMap=,fleet.databases[0].name=a,fleet.databases[0].secret=b", "has no configMap"},
	} {
		output, err := exec.Command("../.tools/bin/helm", "template", "keep", "chart", "-f", "chart/ci/one-values.yaml", "--set", test.set).CombinedOutput()
		if err == nil || !strings.Contains(string(output), test.want) {
			t.Errorf("%s: %v, want an error that says %q\n%s", test.set, err, test.want, output)
		}
	}
}

// TestKeepValues checks the values for Keep's own chart, as far as that goes without it: what its template passes on of init
// containers, the variables that Keep needs, and our init container on a real database.
func TestKeepValues(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("keep-values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Backend struct {
			Image           struct{ Tag string }
			Env             []variable
			WaitForDatabase struct{ Port int }     `yaml:"waitForDatabase"`
			Init            []map[string]any       `yaml:"extraInitContainers"`
			Volumes         []volume               `yaml:"extraVolumes"`
			FromSecret      struct{ Enabled bool } `yaml:"databaseConnectionStringFromSecret"`
		}
		Database struct{ Type string }
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	b := &values.Backend
	version := regexp.MustCompile(`^0\.(\d+)\.\d+$`).FindStringSubmatch(b.Image.Tag)
	if minor, err := strconv.Atoi(version[1]); err != nil || minor < 48 {
		t.Errorf("image tag %s", b.Image.Tag)
	}
	env := map[string]string{}
	for _, v := range b.Env {
		env[v.Name] = v.Value
	}
	if env["SECRET_MANAGER_TYPE"] != "DB" || env["PROVISION_RESOURCES"] != "false" || values.Database.Type != "postgres" || b.WaitForDatabase.Port != 5432 || !b.FromSecret.Enabled {
		t.Errorf("%+v", values)
	}
	if len(b.Init) != 2 || b.Init[0]["name"] != "migrate-keep" || b.Init[1]["name"] != "keep-bootstrap" {
		t.Fatalf("%v", b.Init)
	}
	for _, c := range b.Init {
		for field, value := range c {
			if !slices.Contains([]string{"name", "image", "imagePullPolicy", "command", "args", "env", "volumeMounts"}, field) {
				t.Errorf("%v: the chart drops %s", c["name"], field)
			}
			if rendered, _ := yaml.Marshal(value); strings.Contains(string(rendered), "{{") {
				t.Errorf("%v: the chart would take %s for a template", c["name"], field)
			}
		}
	}
	var c podContainer
	if text, err = yaml.Marshal(b.Init[1]); err == nil {
		err = yaml.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	d := pgtest.New(t, pgtest.Keep(newestKeep))
	log, exit := cluster{
		"Secret/postgres-of-keep":     {"url": strings.Replace(d.URL, "postgres://", "postgresql+psycopg2://", 1)},
		"Secret/tokens-of-keep":       {"grafana": "glsa_example"},
		"ConfigMap/providers-of-keep": {"providers.yaml": strings.Split(providers, "  - name: prometheus")[0]},
	}.start(t, &pod{Volumes: b.Volumes}, &c, 0)
	if exit != 0 || !strings.Contains(log, "Applied: 1 added") {
		t.Errorf("exit code %d\n%s", exit, log)
	}
}

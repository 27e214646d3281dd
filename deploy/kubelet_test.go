//go:build deploy

package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pod is the part of a pod template that the tests carry out as a kubelet does.
type pod struct {
	AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	HostNetwork                  bool  `yaml:"hostNetwork"`
	SecurityContext              struct {
		RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
		SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []podContainer
	Volumes    []volume
}

type podContainer struct {
	Name, Image              string
	Command, Args            []string
	Env                      []variable
	EnvFrom                  []envFrom `yaml:"envFrom"`
	VolumeMounts             []mount   `yaml:"volumeMounts"`
	TerminationMessagePolicy string    `yaml:"terminationMessagePolicy"`
	SecurityContext          struct {
		AllowPrivilegeEscalation *bool                   `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool                    `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string } `yaml:"capabilities"`
	} `yaml:"securityContext"`
	Resources struct{ Requests, Limits map[string]string }
}

type variable struct {
	Name, Value string
	ValueFrom   *struct {
		SecretKeyRef    *keyRef `yaml:"secretKeyRef"`
		ConfigMapKeyRef *keyRef `yaml:"configMapKeyRef"`
		FieldRef        *struct {
			FieldPath string `yaml:"fieldPath"`
		} `yaml:"fieldRef"`
	} `yaml:"valueFrom"`
}

type (
	keyRef  struct{ Name, Key string }
	envFrom struct {
		SecretRef    *struct{ Name string } `yaml:"secretRef"`
		ConfigMapRef *struct{ Name string } `yaml:"configMapRef"`
	}
	mount struct {
		Name        string
		MountPath   string `yaml:"mountPath"`
		SubPathExpr string `yaml:"subPathExpr"`
		ReadOnly    bool   `yaml:"readOnly"`
	}
	source struct {
		Name       string
		SecretName string `yaml:"secretName"`
		Items      []struct{ Key, Path string }
	}
	sources struct {
		ConfigMap *source `yaml:"configMap"`
		Secret    *source
	}
	volume struct {
		Name      string
		Of        sources `yaml:",inline"`
		Projected *struct{ Sources []sources }
	}
)

// cluster has the Secrets and ConfigMaps that exist, as "Secret/name" and "ConfigMap/name".
type cluster map[string]map[string]string

func (c cluster) object(t *testing.T, kind, name string) map[string]string {
	t.Helper()
	data, ok := c[kind+"/"+name]
	if !ok {
		t.Fatalf("there is no %s %s", kind, name)
	}
	return data
}

// start carries out a container of a pod: its variables, arguments and volumes. index is that of an indexed Job.
func (c cluster) start(t *testing.T, p *pod, spec *podContainer, index int) (output string, exit int) {
	t.Helper()
	env := map[string]string{}
	for _, from := range spec.EnvFrom {
		if from.SecretRef != nil {
			maps.Copy(env, c.object(t, "Secret", from.SecretRef.Name))
		}
		if from.ConfigMapRef != nil {
			maps.Copy(env, c.object(t, "ConfigMap", from.ConfigMapRef.Name))
		}
	}
	for _, v := range spec.Env {
		switch from := v.ValueFrom; {
		case from == nil:
			env[v.Name] = expand(v.Value, env)
		case from.SecretKeyRef != nil:
			env[v.Name] = key(t, c.object(t, "Secret", from.SecretKeyRef.Name), from.SecretKeyRef.Key)
		case from.ConfigMapKeyRef != nil:
			env[v.Name] = key(t, c.object(t, "ConfigMap", from.ConfigMapKeyRef.Name), from.ConfigMapKeyRef.Key)
		case from.FieldRef.FieldPath == "metadata.annotations['batch.kubernetes.io/job-completion-index']":
			env[v.Name] = fmt.Sprint(index)
		default:
			t.Fatalf("variable %s: unexpected source", v.Name)
		}
	}
	run := container{env: env, mounts: map[string]string{}, args: expandAll(spec.Args, env)}
	if spec.Command != nil {
		run.command = expandAll(spec.Command, env)
	}
	for _, m := range spec.VolumeMounts {
		path := c.volume(t, p, m.Name)
		if m.SubPathExpr != "" {
			resolved, err := filepath.EvalSymlinks(filepath.Join(path, expand(m.SubPathExpr, env)))
			if err != nil {
				t.Fatal(err)
			}
			path = resolved
		}
		run.mounts[m.MountPath] = path
	}
	return run.run(t)
}

// volume lays the files of a volume out as a kubelet does: data in a folder with a date, links to it under the names.
func (c cluster) volume(t *testing.T, p *pod, name string) string {
	t.Helper()
	at := slices.IndexFunc(p.Volumes, func(v volume) bool { return v.Name == name })
	if at < 0 {
		t.Fatalf("there is no volume %s", name)
	}
	v := &p.Volumes[at]
	files := map[string]string{}
	add := func(kind string, s *source) {
		if s == nil {
			return
		}
		data := c.object(t, kind, s.Name+s.SecretName)
		if len(s.Items) == 0 {
			maps.Copy(files, data)
		}
		for _, item := range s.Items {
			files[item.Path] = key(t, data, item.Key)
		}
	}
	add("ConfigMap", v.Of.ConfigMap)
	add("Secret", v.Of.Secret)
	if v.Projected != nil {
		for _, each := range v.Projected.Sources {
			add("ConfigMap", each.ConfigMap)
			add("Secret", each.Secret)
		}
	}
	const data = "..2026_01_01_00_00_00.1"
	dated := map[string]string{}
	for path, text := range files {
		dated[filepath.Join(data, path)] = text
	}
	directory := readable(t, dated)
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(directory, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(data, "..data")
	entries, err := os.ReadDir(filepath.Join(directory, data))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		link("..data/"+entry.Name(), entry.Name())
	}
	return directory
}

func key(t *testing.T, data map[string]string, name string) string {
	t.Helper()
	value, ok := data[name]
	if !ok {
		t.Fatalf("there is no key %s", name)
	}
	return value
}

var reference = regexp.MustCompile(`\$?\$\(([-._a-zA-Z0-9]+)\)`)

// expand replaces $(NAME) of known variables, and $$(NAME) by $(NAME).
func expand(text string, env map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		if value, ok := env[found[2:len(found)-1]]; ok {
			return value
		}
		return found
	})
}

func expandAll(words []string, env map[string]string) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = expand(word, env)
	}
	return all
}

// message is what a kubelet keeps of the log of a container that failed, with FallbackToLogsOnError.
func message(log string) string {
	log = log[max(0, len(log)-2048):]
	lines := strings.SplitAfter(log, "\n")
	return strings.Join(lines[max(0, len(lines)-81):], "")
}

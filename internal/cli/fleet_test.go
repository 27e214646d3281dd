package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFleetReport: each state that a pod or the output of a run can be in.
func TestFleetReport(t *testing.T) {
	t.Parallel()
	pod := func(index int, at, status string) string {
		return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"p-%d","creationTimestamp":"2026-01-01T00:00:%sZ","labels":{"batch.kubernetes.io/job-name":"j"},
			"annotations":{"batch.kubernetes.io/job-completion-index":"%d"}},"status":%s}`, index, at, index, status)
	}
	ended := func(exit int, reason, message string) string {
		return fmt.Sprintf(`{"phase":"x","containerStatuses":[{"name":"keep-bootstrap","state":{"terminated":{"exitCode":%d,"reason":%q,"message":%q}}}]}`, exit, reason, message)
	}
	objects := []string{
		`{"kind":"Job","metadata":{"name":"j","annotations":{"keep-bootstrap/databases":"a,b,c,d,e,f,g,h,i"}}}`,
		pod(0, "01", ended(75, "Error", "error: 55P03: lock timeout\nhint: run again\n")),
		pod(0, "09", ended(0, "Completed", "")), // a second attempt
		pod(1, "09", ended(65, "Error", "warning: x\n/database/manifest.yaml:2:5: unknown key \"provders\"\nf.yaml:3:5: second\nerror: input: the input has 2 problems; nothing was written\n")),
		pod(1, "01", ended(0, "Error", "")+" "), // an earlier success counts: Kubernetes does not run the index again
		pod(2, "01", ended(137, "OOMKilled", "")),
		pod(3, "01", `{"phase":"Pending","containerStatuses":[{"name":"keep-bootstrap","state":{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}}]}`),
		pod(4, "01", `{"phase":"Running","containerStatuses":[{"name":"keep-bootstrap","state":{"running":{}}}]}`),
		pod(5, "01", `{"phase":"Failed","reason":"Evicted","message":"The node was low on memory"}`),
		pod(6, "01", ended(77, "Error", `{"time":"x","msg":"schema ready"}`+"\n"+`{"type":"error","code":"42501","message":"permission denied","exit_code":77}`+"\n")),
		pod(7, "01", ended(65, "Error", `ut off","problems":[]}`)), // the begin is cut off
	}
	list := file(t, `{"kind":"List","items":[`+strings.Join(objects, ",")+`]}`)
	r := run(t, nil, "fleet-report", list).want(t, 78, "9 databases")
	inOrder(t, r.stdout, "DATABASE", "a         done     0", "b         done     0",
		"d         pending        ImagePullBackOff: no such image", "e         pending        running", "i         pending        no pod yet",
		"c         failed   137   OOMKilled", "f         failed         Evicted: The node was low on memory", "g         failed   77    42501: permission denied",
		`h         failed   65    Error: ut off","problems":[]}`, "2 done, 4 failed, 3 pending.")

	directory := t.TempDir()
	var paths []string
	for name, text := range map[string]string{
		"done.jsonl":      `{"type":"version","format":1,"bootstrap":"test"}` + "\n" + `{"type":"summary","command":"up","tenant":"keep","changed":true,"add":2,"kinds":{"workflow":{"add":1},"newer":{"add":2}},"resources":3}` + "\n",
		"plan.jsonl":      `{"type":"summary","command":"plan","tenant":"keep","changed":true,"add":1}`,
		"same.log":        "up to date providers=5\nNo changes.\n",
		"text.log":        "Applied: 1 added, 0 changed, 0 renamed, 0 pruned.\n",
		"failed.jsonl":    `{"type":"summary","command":"up","add":1}` + "\n" + `{"type":"error","code":"verify","message":"1 check failed","exit_code":78}`,
		"problem.jsonl":   `{"type":"error","code":"input","message":"the input has 1 problem","exit_code":65,"problems":[{"file":"p.yaml","line":3,"column":7,"code":"x","message":"unknown key"}]}`,
		"activated.jsonl": `{"type":"summary","command":"up","tenant":"keep","changed":true,"add":3}` + "\n" + `{"type":"summary","command":"activate","tenant":"keep","changed":true}`,
		"killed.jsonl":    `{"time":"x","msg":"schema ready"}` + "\n",
		"empty":           "",
	} {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	r = run(t, nil, append([]string{"fleet-report"}, paths...)...).want(t, 78)
	inOrder(t, r.stdout, "activated  done     0     3 added", "done       done     0     2 added", "workflows: 1 added; 2 other resources", "plan       done     0     1 to add", "same       done     0     No changes", "text       done     0     1 added",
		"empty      pending        no result", "killed     pending        no result", "failed     failed   78    verify: 1 check failed",
		"problem    failed   65    input: the input has 1 problem: p.yaml:3:7: unknown key", "5 done, 2 failed, 2 pending.")
	r = run(t, nil, "fleet-report", "-o", "json", paths[0]).want(t, 0)
	for _, line := range strings.Split(strings.TrimSpace(r.stdout), "\n") {
		fitsSchema(t, line)
	}
	run(t, nil, "fleet-report", "-o", "json", paths[2], list).want(t, 78)
	run(t, nil, "fleet-report", "/nowhere").want(t, 64, "/nowhere")
	run(t, nil, "fleet-report", file(t, `{"kind":"List","items":[]}`)).want(t, 64, "no pod")
	run(t, nil, "fleet-report").want(t, 64)
}

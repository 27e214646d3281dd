package manifest

var dashboardKeys = []string{"dashboard_name", "dashboard_config"}

// dashboard reads one dashboard, in the form of KEEP_DASHBOARDS.
func (l *loader) dashboard(s *source, d document, n *node) {
	r, ok := l.readResource(s, d, n, KindDashboard)
	if n.kind != kindObject {
		return
	}
	before := l.problems.total
	name := n.member("dashboard_name")
	if r.named(n, name, "dashboard_name", MaxName) {
		r.claim(name, "dashboard_name")
	}
	config := n.member("dashboard_config")
	switch {
	case config == nil:
		r.fail(fault{
			line: n.line, column: n.column, code: CodeMissing,
			message: "a dashboard without `dashboard_config`", hint: "add `dashboard_config:`, {} for an empty one",
		})
	case config.kind != kindObject:
		r.fail(fault{
			line: config.line, column: config.column, key: "dashboard_config", code: CodeKind,
			message: "`dashboard_config` must be an object, not " + config.kind.String(), hint: "write {} for an empty one",
		})
	}
	r.keysOf(n, dashboardKeys)
	if !ok || l.problems.total > before {
		return
	}
	l.buffer = config.encode(l.buffer[:0])
	l.manifest.Dashboards = append(l.manifest.Dashboards, Dashboard{Name: r.name, Config: string(l.buffer), Source: s.at(n)})
}

package manifest

import "keep-bootstrap/internal/document"

var dashboardKeys = []string{"dashboard_name", "dashboard_config"}

// readDashboard reads one dashboard, in the form of KEEP_DASHBOARDS.
func readDashboard(i *item, v *document.Value) {
	if !i.object(v) {
		return
	}
	i.check(v, document.Deep, "dashboard_name")
	name, config := v.Member("dashboard_name"), v.Member("dashboard_config")
	if i.named(v, name, "dashboard_name", MaxName) {
		i.take(name, "dashboard_name")
	}
	i.known(v, dashboardKeys)
	if config == nil {
		i.fail(at(v, "", CodeMissing,
			"a dashboard without `dashboard_config`", "add `dashboard_config:`, {} for an empty one"))
	} else if i.is(document.Object, config, "dashboard_config", "write {} for an empty one") {
		i.add(v, *config)
	}
}

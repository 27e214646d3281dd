package manifest

import (
	"slices"
	"strings"

	"keep-bootstrap/internal/document"
)

// bodyKeys are the keys of which a workflow has at least one.
var bodyKeys = []string{"triggers", "steps", "actions"}

// shapeOf is the kind of resource that an object looks like; "" where it looks like none.
func shapeOf(v *document.Value) string {
	has := func(key string) bool { return v.Has(key) }
	switch {
	case v.Kind != document.Object:
		return ""
	case hasType(v) && has("authentication"):
		return KindProvider
	case has("matchers"):
		return KindMappingRule
	case has("dashboard_config"), has("dashboard_name"):
		return KindDashboard
	case slices.ContainsFunc(bodyKeys, has), slices.ContainsFunc(wrappers, func(key string) bool {
		inside := v.Member(key)
		return inside != nil && inside.Kind == document.Object && !hasType(inside)
	}):
		return KindWorkflow
	case has("role") && has("secret"):
		return KindAPIKey
	case hasType(v):
		return KindProvider
	}
	return ""
}

// otherThan reports an object that looks like another kind of resource than the item's. In a list, it is to
// move below another key.
func (i *item) otherThan(v *document.Value, inList bool) bool {
	shape := shapeOf(v)
	everything := shape == "" && envelopeKey(v) != ""
	if shape == i.kind || shape == "" && !everything {
		return false
	}
	f := at(v, "", CodeMisplaced, "", "move the file, or correct the directory")
	switch {
	case everything:
		f.Message, f.Hint = "this is a manifest of all kinds, not "+aKind(i.kind), "give it with -f"
	case inList:
		f.Message, f.Hint = "this is "+aKind(shape)+", not "+aKind(i.kind), "move it below `"+KindOf(shape).Key+":`"
	case i.source.variable:
		f.Message, f.Hint = "this is "+aKind(shape)+": it belongs in "+KindOf(shape).home, "set the other variable"
	default:
		f.Message = "this is " + aKind(shape) + ": it belongs in " + KindOf(shape).home
	}
	i.name = ""
	i.fail(f)
	return true
}

// foreign reports a file of another tool.
func (i *item) foreign(root *document.Value) bool {
	if root.Kind != document.Object {
		return false
	}
	text := func(key string) string {
		if v := root.Member(key); v != nil && v.Kind == document.Text {
			return v.Text
		}
		return ""
	}
	object := func(v *document.Value) bool { return v != nil && v.Kind == document.Object && !hasType(v) }
	var message, hint string
	switch kind := text("kind"); {
	case object(root.Member("sops")):
		message, hint = "this file is encrypted", "decrypt it first: sops -d FILE | keep-bootstrap ... -f -"
	case strings.HasPrefix(text("apiVersion"), "kustomize.config.k8s.io/"), kind == "Kustomization",
		root.Has("resources") && !hasType(root.Member("resources")) &&
			slices.ContainsFunc([]string{"configMapGenerator", "secretGenerator", "patches", "namespace"}, root.Has):
		message, hint = "this is a kustomization", "give the files that it lists"
	case text("apiVersion") != "" && (kind == "Secret" || kind == "ConfigMap"):
		message = "this is a Kubernetes " + kind + ": give a file extracted from its data"
		hint = "or mount it and give the path in the volume; in the file, data of a Secret is base64"
	case text("apiVersion") != "" && kind != "":
		message, hint = "this is a Kubernetes "+document.Quote(kind), "give the files that it holds or mounts"
	case object(root.Member("backend")) && (root.Member("backend").Has("provision") || root.Has("frontend") || root.Has("global")):
		message, hint = "these are Helm values", "give what is below backend.provision"
	case compose(root):
		message, hint = "this is a compose file", "give the files that its services mount, or set their variables"
	case text("digest") != "" && root.Has("changes") && root.Has("bootstrap"):
		message, hint = "this is a plan file", "apply it with keep-bootstrap apply --plan FILE"
	default:
		return false
	}
	i.fail(at(root, "", CodeMisplaced, message, hint))
	return true
}

// compose reports whether an object is a compose file: services with images.
func compose(root *document.Value) bool {
	services := root.Member("services")
	return services != nil && services.Kind == document.Object && !hasType(services) && slices.ContainsFunc(services.Members, func(m document.Member) bool {
		return m.Value.Has("image") || m.Value.Has("build")
	})
}

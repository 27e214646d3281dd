package manifest

import (
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/workflow"
)

func (d *yamlDocument) store(on bool) { d.stored = on }

// tree gives what an alias or a merge key repeats as the same value again. That nothing holds itself, and that the work is
// bounded, read has found out.
func (d *yamlDocument) tree(n *node) *workflow.Node {
	return d.grow(n.yaml, map[*yaml.Node]*workflow.Node{})
}

func (d *yamlDocument) grow(y *yaml.Node, known map[*yaml.Node]*workflow.Node) *workflow.Node {
	target := follow(y)
	if n, ok := known[target]; ok {
		return n
	}
	n := &workflow.Node{}
	known[target] = n
	switch target.Kind {
	case yaml.SequenceNode:
		n.Kind = workflow.List
		for _, item := range target.Content {
			n.Items = append(n.Items, d.grow(item, known))
		}
	case yaml.MappingNode:
		n.Kind = workflow.Map
		for _, p := range d.pairs(target, false, 0) {
			n.Pairs = append(n.Pairs, workflow.Pair{Key: d.growKey(p.written, known), Value: d.grow(p.value, known)})
		}
	default:
		d.growScalar(n, target)
	}
	return n
}

// growKey is grow for a key, where a lone = is a text.
func (d *yamlDocument) growKey(y *yaml.Node, known map[*yaml.Node]*workflow.Node) *workflow.Node {
	if y.Value == "=" && y.Style == 0 {
		return &workflow.Node{Kind: workflow.Text, Text: "=", Special: true}
	}
	return d.grow(y, known)
}

func (d *yamlDocument) growScalar(n *workflow.Node, y *yaml.Node) {
	var value node
	d.shallow(&value, y, "", false)
	n.Text = value.text
	switch {
	case value.kind == kindNull:
		n.Kind, n.Text = workflow.Scalar, "null"
	case value.kind == kindBool:
		n.Kind = workflow.Scalar
	case value.kind == kindNumber:
		n.Kind, n.Text = workflow.Scalar, storedNumber(&value)
	case value.written != "" && plainTag(value.written) == tagDate && y.Style&yaml.TaggedStyle == 0:
		n.Kind = workflow.Time
	case value.written != "" && strings.HasSuffix(n.Text, ".inf") || value.written != "" && n.Text == ".nan":
		n.Kind = workflow.Scalar
	default:
		n.Kind, n.Style, n.Special = workflow.Text, styleOf(y), plainTag(n.Text) != tagText
	}
}

// styleOf is what Keep remembers of how a text was written.
func styleOf(y *yaml.Node) workflow.Style {
	switch {
	case y.Style&yaml.SingleQuotedStyle != 0:
		return workflow.SingleQuoted
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return workflow.DoubleQuoted
	case y.Style&yaml.LiteralStyle != 0:
		return workflow.Literal
	}
	return workflow.Plain
}

func (d *jsonDocument) store(bool) {}

// tree gives texts in double quotes, as Keep reads JSON.
func (d *jsonDocument) tree(n *node) *workflow.Node {
	tree := &workflow.Node{Kind: workflow.Scalar, Text: n.text}
	switch n.kind {
	case kindNull:
		tree.Text = "null"
	case kindNumber:
		tree.Text = storedNumber(n)
	case kindText:
		tree.Kind, tree.Style = workflow.Text, workflow.DoubleQuoted
	case kindList:
		tree.Kind = workflow.List
		for i := range n.members {
			tree.Items = append(tree.Items, d.tree(&n.members[i].value))
		}
	case kindObject:
		tree.Kind = workflow.Map
		for i := range n.members {
			m := &n.members[i]
			tree.Pairs = append(tree.Pairs, workflow.Pair{Key: d.tree(&m.key), Value: d.tree(&m.value)})
		}
	}
	return tree
}

// storedNumber is a number as Keep dumps it: with a point before an exponent, so that it reads as a number again.
func storedNumber(n *node) string {
	text := n.text
	if !n.integer() {
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			text = pythonFloat(value)
		}
		if !strings.Contains(text, ".") {
			text = strings.Replace(text, "e", ".0e", 1)
		}
	}
	if text == "-0" {
		return "0"
	}
	return text
}

package document

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// yamlReader makes values of the library's nodes: aliases followed, merge keys applied, scalars as Keep's reader
// takes them.
type yamlReader struct {
	// budget bounds what aliases may add, in bytes of a rough estimate.
	budget   int
	exceeded Place // the alias with which they added too much
	// open are the anchors being expanded, to find those that contain themselves.
	open map[*yaml.Node]bool
	// shared numbers the lists, objects and dates; nil if the document has no alias.
	shared map[*yaml.Node]int32
}

// What a copied value counts for in addition to its text, and how much aliases may add to a document of size n:
// aliasFactor*n + aliasAllowance.
const (
	aliasCost      = 64
	aliasFactor    = 20
	aliasAllowance = 4 << 20
)

// limits stops the library's parser at MaxDepth.
type limits struct{ exceeded bool }

func (l *limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > MaxDepth+1 {
		l.exceeded = true
		return errors.New("nested too deep")
	}
	return nil
}

func (*limits) CheckAlias(int, int) error { return nil }

// parseYAML reads a document. An empty one gives neither value nor fault.
func parseYAML(data []byte) (*Value, *Fault) {
	deep := &limits{}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(deep))
	if err != nil {
		panic(err) // of the options
	}
	var document, second yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, yamlFault(data, err, deep.exceeded)
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	if err := loader.Load(&second); err == nil {
		return nil, &Fault{
			Place: Place{max(1, int32(second.Line)), max(1, int32(second.Column))}, Code: CodeDocuments,
			Message: "a second YAML document starts here",
			Hint:    "write one document per file, with several providers as a list below `providers:`",
		}
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlFault(data, err, deep.exceeded)
	}
	top := document.Content[0]
	endBlock(top, data)
	r := &yamlReader{budget: aliasFactor*len(data) + aliasAllowance, open: map[*yaml.Node]bool{}}
	if bytes.IndexByte(data, '*') >= 0 {
		r.shared = map[*yaml.Node]int32{}
	}
	var root Value
	r.value(&root, top, 0, false)
	if r.budget < 0 {
		return nil, &Fault{
			Place: r.exceeded, Code: CodeAlias, Message: "the aliases of this file expand to far more than the file itself",
			Hint: "write the values out instead of nesting aliases",
		}
	}
	return &root, nil
}

// endBlock corrects a block text at the end of a file whose last line is spaces and nothing else, not even a line end.
// Where those belong to the text, the library adds a line end to them, and Keep's reader does not.
func endBlock(last *yaml.Node, data []byte) {
	for len(last.Content) > 0 {
		last = last.Content[len(last.Content)-1]
	}
	spaces := data[bytes.LastIndexByte(data, '\n')+1:]
	text, ends := strings.CutSuffix(last.Value, "\n")
	inText := text[strings.LastIndexByte(text, '\n')+1:] // the rest of the spaces is indentation
	if last.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && ends && inText != "" && len(inText) < len(spaces) &&
		strings.Trim(string(spaces)+inText, " ") == "" {
		last.Value = text
	}
}

func placeOf(y *yaml.Node) Place { return Place{int32(y.Line), int32(y.Column)} }

// follow returns the node that an alias refers to, or the node itself.
func follow(y *yaml.Node) *yaml.Node {
	for y.Kind == yaml.AliasNode && y.Alias != nil {
		y = y.Alias
	}
	return y
}

// spend takes the cost of one copied node from the budget and reports whether there was enough.
func (r *yamlReader) spend(y, at *yaml.Node) bool {
	if r.budget -= aliasCost + len(y.Value); r.budget < 0 && r.exceeded.Line == 0 {
		r.exceeded = placeOf(at)
	}
	return r.budget >= 0
}

// value reads y and everything below into v. Below an alias it costs budget.
func (r *yamlReader) value(v *Value, y *yaml.Node, depth int, aliased bool) {
	target := follow(y)
	v.Place = placeOf(y)
	aliased = aliased || y != target
	if aliased && !r.spend(target, y) || r.budget < 0 {
		return
	}
	r.node(v, y, target)
	if v.Scalar() {
		return
	}
	switch {
	case depth >= MaxDepth:
		v.Flaw = tooDeep
		return
	case r.open[target]:
		v.Flaw = recursive
		return
	}
	r.open[target] = true
	defer delete(r.open, target)
	if v.Kind == List {
		v.Members = make([]Member, len(target.Content))
		for i, item := range target.Content {
			r.value(&v.Members[i].Value, item, depth+1, aliased)
		}
		return
	}
	pairs := r.pairs(target, 0)
	v.Members = make([]Member, len(pairs))
	for i, p := range pairs {
		v.Members[i].Key = p.key
		if p.value != nil {
			r.value(&v.Members[i].Value, p.value, depth+1, aliased)
		}
	}
}

// node sets the value without its members: everything, for a scalar.
func (r *yamlReader) node(v *Value, y, target *yaml.Node) {
	tagged := target.Style&yaml.TaggedStyle != 0 || target.Tag == "!"
	if target.Kind == yaml.ScalarNode {
		v.scalar(target, tagged)
	} else {
		own := "!!seq"
		if v.Kind = List; target.Kind == yaml.MappingNode {
			v.Kind, own = Object, "!!map"
		}
		if tagged && target.Tag != own {
			v.rejectTag(target.Tag)
		}
	}
	if strings.Trim(y.Anchor, anchorCharacters) != "" {
		v.Flaw = badAnchor
	}
	if r.shared != nil && (!v.Scalar() || v.Flaw == Date) {
		number, ok := r.shared[target]
		if !ok {
			number = int32(len(r.shared) + 1)
			r.shared[target] = number
		}
		v.Shared = number
	}
}

// rejectTag marks a value whose tag is not accepted. Of tags that are not YAML's own nothing is kept: they may be
// passwords.
func (v *Value) rejectTag(tag string) {
	v.Flaw = badTag
	switch tag {
	case "!!binary", "!!map", "!!merge", "!!omap", "!!pairs", "!!seq", "!!set", "!!timestamp":
		v.written = &tag
	}
}

// styles are those of the library that count.
var styles = map[yaml.Style]Style{
	yaml.SingleQuotedStyle: SingleQuoted, yaml.DoubleQuotedStyle: DoubleQuoted,
	yaml.LiteralStyle: Literal, yaml.FoldedStyle: Plain,
}

// scalar sets the value from a scalar node.
func (v *Value) scalar(y *yaml.Node, tagged bool) {
	v.Kind, v.Text = Text, y.Value
	style, marked := styles[y.Style&^yaml.TaggedStyle]
	v.Style = style
	switch {
	case tagged:
		v.taggedScalar(y.Tag, y.Value)
	case !marked:
		v.setPlain(y.Value)
		if y.Anchor != "" && y.Value == "" {
			v.Trap = Anchor
		}
	}
}

func (v *Value) taggedScalar(tag, text string) {
	switch tag {
	case "!!str":
		return
	case "!!int":
		v.setInt(text)
	case "!!float":
		v.setFloat(text)
	case "!!bool":
		v.setBool(text)
	case "!!null":
		v.Kind, v.Text = Null, ""
	default:
		v.rejectTag(tag)
		return
	}
	v.written = &text
	if v.Flaw == badNumber {
		v.Flaw = badTagged
	}
}

// pair is one member of a mapping after merging; without a value where the key is a mistake.
type pair struct {
	key   Value
	value *yaml.Node
	own   bool // not merged
}

// mapping is one whose keys keep their first place and take the last value. The key is the first one, as Keep dumps
// it, at the place of the last.
type mapping struct {
	pairs, mistakes []pair
	index           map[string]int
}

func (m *mapping) add(p pair) {
	i, ok := m.index[p.key.Text]
	switch {
	case !ok:
		m.index[p.key.Text] = len(m.pairs)
		m.pairs = append(m.pairs, p)
	case p.own && m.pairs[i].own:
		p.key.Flaw = duplicateKey
		m.mistake(p.key)
	default:
		m.pairs[i].key.Place, m.pairs[i].value, m.pairs[i].own = p.key.Place, p.value, p.own
	}
}

func (m *mapping) mistake(key Value) { m.mistakes = append(m.mistakes, pair{key: key}) }

// isMerge reports whether a key is <<, which merges other mappings into its own.
func isMerge(key *yaml.Node) bool { return key.Value == "<<" && key.Tag == "!!merge" && key.Style == 0 }

// pairs lists the members of a mapping with merge keys applied as Keep's reader does: what is merged comes first, the
// mapping's own values win.
func (r *yamlReader) pairs(y *yaml.Node, depth int) []pair {
	m := mapping{index: map[string]int{}}
	for i := 0; i+1 < len(y.Content) && r.budget >= 0; i += 2 {
		if value := y.Content[i+1]; isMerge(follow(y.Content[i])) && !r.merge(&m, value, depth) {
			m.mistake(Value{Kind: Text, Place: placeOf(value), Flaw: badMerge})
		}
	}
	for i := 0; i+1 < len(y.Content) && r.budget >= 0; i += 2 {
		target := follow(y.Content[i])
		key := Value{Kind: Text, Place: placeOf(y.Content[i])}
		switch {
		case isMerge(target):
			continue
		case target.Kind == yaml.MappingNode && target.Style&yaml.FlowStyle != 0:
			key.Flaw = braces
		case target.Kind != yaml.ScalarNode:
			key.Flaw = compoundKey
		case target.Value == "=" && target.Style == 0:
			key.Text = "=" // as a key it has no special meaning
		default:
			r.node(&key, y.Content[i], target)
			if key.Kind == Null {
				key.Text = "null"
			}
		}
		if key.Flaw.dropped() {
			m.mistake(key)
			continue
		}
		m.add(pair{key, y.Content[i+1], true})
	}
	return append(m.pairs, m.mistakes...)
}

// merge adds what a merge key names, a mapping or a list of mappings, and reports whether it is that.
func (r *yamlReader) merge(m *mapping, value *yaml.Node, depth int) (ok bool) {
	target := follow(value)
	sources := []*yaml.Node{target}
	if target.Kind == yaml.SequenceNode {
		sources = target.Content
	}
	ok = true
	for _, source := range slices.Backward(sources) { // of a list, an earlier one wins
		source = follow(source)
		if source.Kind != yaml.MappingNode || r.open[source] || depth >= MaxDepth {
			ok = false
			continue
		}
		r.spend(source, value)
		r.open[source] = true
		for _, p := range r.pairs(source, depth+1) {
			if p.value != nil && r.spend(p.value, value) { // mistakes are reported where they are
				p.own = false
				m.add(p)
			}
		}
		delete(r.open, source)
	}
	return ok
}

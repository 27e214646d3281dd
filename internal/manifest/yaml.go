package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// yamlDocument reads a YAML document from the library's node tree: aliases
// followed, merge keys applied, scalars as Keep's reader takes them.
type yamlDocument struct {
	top    *yaml.Node
	report func(fault)

	// budget bounds what aliases may add, in bytes of a rough estimate.
	budget   int
	exceeded bool
	// open are the anchors being expanded, to find those that hold themselves.
	open map[*yaml.Node]bool

	// stored is set while a workflow is read, which Keep stores as text: what has no form in JSON is no problem there.
	stored bool

	arena arena
}

// What an expanded node counts for beside its text, and how much aliases may
// add to a document of size n: aliasFactor*n + aliasAllowance.
const (
	aliasNodeCost  = 16
	aliasFactor    = 10
	aliasAllowance = 1 << 20
)

// errDepth is returned to the library where the input is nested too deep.
var errDepth = errors.New("nested too deep")

// limits stops the library's parser at MaxDepth.
type limits struct{}

func (limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > MaxDepth+1 {
		return errDepth
	}
	return nil
}

func (limits) CheckAlias(int, int) error { return nil }

// openYAML parses data. An empty document gives neither document nor fault.
func openYAML(data []byte, report func(fault)) (*yamlDocument, *fault) {
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(limits{}))
	if err != nil {
		return nil, &fault{line: 1, column: 1, code: CodeSyntax, message: "the YAML reader could not be set up"}
	}
	var document yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, yamlSyntax(data, err)
	}
	top := &document
	if top.Kind == yaml.DocumentNode {
		if len(top.Content) == 0 {
			return nil, nil
		}
		top = top.Content[0]
	}
	var second yaml.Node
	if err := loader.Load(&second); err == nil {
		return nil, &fault{
			line: max(1, int32(second.Line)), column: max(1, int32(second.Column)), code: CodeDocuments,
			message: "a second YAML document starts here",
			hint:    "keep one document in a file; write several providers as a list below `providers:`",
		}
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlSyntax(data, err)
	}
	endBlock(top, data)
	return &yamlDocument{
		top: top, report: report,
		budget: aliasFactor*len(data) + aliasAllowance,
		open:   map[*yaml.Node]bool{},
	}, nil
}

// endBlock corrects a block text at the end of a file whose last line is spaces and nothing else, not even a line end.
// Where those belong to the text, the library adds a line end to them, and Keep's reader does not.
func endBlock(top *yaml.Node, data []byte) {
	line := data[bytes.LastIndexByte(data, '\n')+1:]
	last := lastScalar(top)
	if len(line) == 0 || len(bytes.TrimLeft(line, " ")) > 0 || last == nil || !strings.HasSuffix(last.Value, " \n") {
		return
	}
	const mark = "x" // shows what the spaces are part of
	var marked yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader(append(bytes.Clone(data), mark...)), yaml.WithPlugin(limits{}))
	if err != nil || loader.Load(&marked) != nil {
		return
	}
	if other := lastScalar(&marked); other != nil && other.Value == strings.TrimSuffix(last.Value, "\n")+mark {
		last.Value = strings.TrimSuffix(last.Value, "\n")
	}
}

// lastScalar returns the block text that a document ends with, if it does.
func lastScalar(n *yaml.Node) *yaml.Node {
	for len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n
	}
	return nil
}

func (d *yamlDocument) root() node {
	var n node
	d.shallow(&n, d.top, "", false)
	return n
}

// follow returns what an alias stands for, or the node itself.
func follow(y *yaml.Node) *yaml.Node {
	for y.Kind == yaml.AliasNode && y.Alias != nil {
		y = y.Alias
	}
	return y
}

// spend takes the cost of one node below an alias from the budget.
func (d *yamlDocument) spend(y *yaml.Node, at *yaml.Node) bool {
	if d.budget -= aliasNodeCost + len(y.Value); d.budget < 0 && !d.exceeded {
		d.exceeded = true
		d.report(fault{
			line: int32(at.Line), column: int32(at.Column), code: CodeAlias,
			message: "the aliases of this file expand to far more than the file itself",
			hint:    "write the values out instead of nesting aliases",
		})
	}
	return !d.exceeded
}

// anchorCharacters are what Keep's reader takes in the name of an anchor.
const anchorCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// shallow sets kind, place and, for a scalar, the value of n.
func (d *yamlDocument) shallow(n *node, y *yaml.Node, key string, report bool) {
	n.line, n.column = int32(y.Line), int32(y.Column)
	n.yaml = y
	target := follow(y)
	if report && strings.Trim(y.Anchor, anchorCharacters) != "" {
		d.report(fault{
			line: n.line, column: n.column, key: key, code: CodeAlias,
			message: "an anchor (&) with characters that no anchor can have",
			hint:    "put a text that starts with & in quotes: " + quoted(key),
		})
	}
	tagged := target.Style&yaml.TaggedStyle != 0 || target.Tag == "!"
	switch target.Kind {
	case yaml.SequenceNode:
		n.kind = kindList
		if tagged && target.Tag != "!!seq" && report {
			d.faultTag(n, target, key)
		}
	case yaml.MappingNode:
		n.kind = kindObject
		if tagged && target.Tag != "!!map" && report {
			d.faultTag(n, target, key)
		}
	case yaml.ScalarNode:
		d.scalar(n, target, tagged, key, report)
	}
}

// scalar sets kind and value of n and reports what cannot be stored.
func (d *yamlDocument) scalar(n *node, y *yaml.Node, tagged bool, key string, report bool) {
	const quotes = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	unfit := fits
	switch {
	case tagged:
		switch y.Tag {
		case "!!str":
			n.kind, n.text = kindText, y.Value
		case "!!int":
			unfit = n.setTagged(tagInt, y.Value)
		case "!!float":
			unfit = n.setTagged(tagFloat, y.Value)
		case "!!bool":
			unfit = n.setTagged(tagBool, y.Value)
		case "!!null":
			n.kind = kindNull
		default:
			n.kind, n.text = kindText, y.Value
			if report {
				d.faultTag(n, y, key)
			}
		}
		if n.kind != kindText || unfit == notFinite {
			n.written = y.Value
		}
	case y.Style&quotes != 0:
		n.kind, n.text = kindText, y.Value
	default:
		unfit = n.setPlain(y.Value)
		if y.Anchor != "" && y.Value == "" {
			n.trap = trapAnchor
		}
	}
	if !report {
		return
	}
	if strings.IndexByte(n.text, 0) >= 0 {
		d.report(faultNUL(n, key))
	}
	if unfit == fits || d.stored && (unfit == dateNotSet || unfit == notFinite) {
		return
	}
	f := fault{line: n.line, column: n.column, key: key, code: CodeValue}
	f.hint = "put it in quotes to store it as text: " + quoted(key)
	switch unfit {
	case notOfTag:
		f.message = "the value does not fit its tag " + quote(y.Tag)
		if !tagged {
			f.message = "this looks like a number but is none"
		}
	case tooLarge:
		f.message, f.hint = faultNumber(n, key).message, "put it in quotes to store it as text: "+quoted(key)
	case notFinite:
		f.message = "infinity and not-a-number cannot be stored"
	case dateNotSet:
		f.message = "a plain date or time cannot be stored by Keep"
	case reserved:
		f.message = "a lone = or << has a special meaning in YAML"
	}
	d.report(f)
}

// quoted shows how to write the value of a key as text.
func quoted(key string) string {
	const longest = 60
	if key == "" || len(key) > longest || strings.Trim(key, anchorCharacters+".") != "" {
		return `"..."`
	}
	return key + `: "..."`
}

func (d *yamlDocument) faultTag(n *node, y *yaml.Node, key string) {
	f := fault{
		line: n.line, column: n.column, key: key, code: CodeTag,
		message: "a tag that is not accepted here",
		hint:    "remove it; only !!str, !!int, !!float, !!bool and !!null have a meaning for Keep",
	}
	switch y.Tag {
	case "!!binary", "!!map", "!!merge", "!!omap", "!!pairs", "!!seq", "!!set", "!!timestamp":
		f.message = "the tag " + quote(y.Tag) + " is not accepted here"
	default:
		f.hint = "remove it, or put a text that starts with ! in quotes: " + quoted(key) // it may be a password
	}
	d.report(f)
}

// pair is one member of a mapping after merging.
type pair struct {
	key   node
	value *yaml.Node
	// written is the key as Keep dumps it: of a key that is merged and given, too, the merged one.
	written *yaml.Node
}

// pairs lists the members of a mapping with merge keys applied as Keep's reader
// does: what is merged comes first, the mapping's own values win.
func (d *yamlDocument) pairs(y *yaml.Node, report bool, depth int) []pair {
	var merged ordered
	var seen duplicates
	own := make([]pair, 0, len(y.Content)/2) // never grows, so that its keys stay where they are
	for i := 0; i+1 < len(y.Content) && !d.exceeded; i += 2 {
		keyNode, value := y.Content[i], y.Content[i+1]
		target := follow(keyNode)
		own = append(own, pair{value: value, written: target})
		key := &own[len(own)-1].key
		key.line, key.column = int32(keyNode.Line), int32(keyNode.Column)
		if target.Kind == yaml.MappingNode || target.Kind == yaml.SequenceNode {
			if report {
				f := fault{
					line: key.line, column: key.column, code: CodeKind,
					message: "a list or an object cannot be a key",
					hint:    "write the key as text",
				}
				if target.Kind == yaml.MappingNode && target.Style&yaml.FlowStyle != 0 {
					f.message, f.hint = "braces inside braces without quotes", `a text that starts with { must be in quotes: "{{ ... }}"`
				}
				d.report(f)
			}
			own = own[:len(own)-1]
			continue
		}
		if target.Value == "<<" && target.Tag == "!!merge" && target.Style == 0 {
			d.merge(&merged, value, report, depth)
			own = own[:len(own)-1]
			continue
		}
		if target.Value == "=" && target.Style == 0 {
			key.kind, key.text = kindText, "=" // as a key it has no special meaning
		} else {
			d.shallow(key, keyNode, "", report)
			if key.kind == kindNull {
				key.text = "null"
			}
		}
		if first := seen.add(key); first != nil {
			if report {
				d.report(faultDuplicateKey(key, first))
			}
			own = own[:len(own)-1]
		}
	}
	if merged.pairs == nil {
		return own
	}
	for _, p := range own {
		merged.add(p)
	}
	return merged.pairs
}

// merge adds what a merge key names: a mapping or a list of mappings.
func (d *yamlDocument) merge(merged *ordered, value *yaml.Node, report bool, depth int) {
	target := follow(value)
	sources := []*yaml.Node{target}
	if target.Kind == yaml.SequenceNode {
		sources = target.Content
	}
	for _, source := range slices.Backward(sources) { // of a list, an earlier one wins
		source = follow(source)
		if source.Kind != yaml.MappingNode || d.open[source] || depth >= MaxDepth {
			if report {
				d.report(fault{
					line: int32(value.Line), column: int32(value.Column), code: CodeAlias,
					message: "<< must name an object, or a list of objects, that does not hold itself",
					hint:    "write <<: *anchor",
				})
			}
			continue
		}
		if !d.spend(source, value) {
			return
		}
		d.open[source] = true
		pairs := d.pairs(source, false, depth+1)
		delete(d.open, source)
		for _, p := range pairs {
			if !d.spend(p.value, value) {
				return
			}
			merged.add(p)
		}
	}
}

// ordered is a mapping whose keys keep their first place and take the last value.
type ordered struct {
	pairs []pair
	index map[string]int
}

func (o *ordered) add(p pair) {
	if i, ok := o.index[p.key.text]; ok {
		p.written = o.pairs[i].written
		o.pairs[i] = p
		return
	}
	if o.index == nil {
		o.index = map[string]int{}
	}
	o.index[p.key.text] = len(o.pairs)
	o.pairs = append(o.pairs, p)
}

func (d *yamlDocument) children(n *node, report bool, yield func(*member) bool) {
	target := follow(n.yaml)
	if target.Kind == yaml.SequenceNode {
		for _, item := range target.Content {
			var m member
			d.shallow(&m.value, item, "", report && follow(item).Kind == yaml.ScalarNode)
			if d.exceeded || !yield(&m) {
				return
			}
		}
		return
	}
	for _, p := range d.pairs(target, report, 0) {
		m := member{key: p.key}
		d.shallow(&m.value, p.value, p.key.text, report && follow(p.value).Kind == yaml.ScalarNode)
		if d.exceeded || !yield(&m) {
			return
		}
	}
}

func (d *yamlDocument) read(n *node) {
	if n.scalar() {
		return // children read it
	}
	d.arena.reset()
	d.value(n, n.yaml, "", 0, false)
}

// value reads y and everything below into n. Below an alias it costs budget.
func (d *yamlDocument) value(n *node, y *yaml.Node, key string, depth int, aliased bool) {
	target := follow(y)
	if y != target {
		aliased = true
	}
	if d.exceeded || aliased && !d.spend(target, y) {
		return
	}
	d.shallow(n, y, key, true)
	if n.scalar() {
		return
	}
	if depth >= MaxDepth {
		d.report(faultDepth(n.line, n.column))
		return
	}
	if d.open[target] {
		d.report(fault{
			line: n.line, column: n.column, key: key, code: CodeAlias,
			message: "the anchor holds an alias of itself",
			hint:    "write the value out",
		})
		return
	}
	d.open[target] = true
	defer delete(d.open, target)

	if n.kind == kindList {
		n.members = d.arena.take(len(target.Content))
		for i, item := range target.Content {
			d.value(&n.members[i].value, item, key, depth+1, aliased)
		}
		return
	}
	pairs := d.pairs(target, true, 0)
	n.members = d.arena.take(len(pairs))
	for i, p := range pairs {
		n.members[i].key = p.key
		d.value(&n.members[i].value, p.value, p.key.text, depth+1, aliased)
	}
}

// yamlSyntax says what is wrong with the YAML. The library's own words are not
// shown where they could quote from the input.
func yamlSyntax(data []byte, err error) *fault {
	f := &fault{line: 1, column: 1, code: CodeSyntax}
	message := err.Error()
	if load, ok := errors.AsType[*yaml.LoadError](err); ok {
		message = load.Message
		f.line, f.column = max(1, int32(load.Mark.Line)), max(1, int32(load.Mark.Column))
	}
	if errors.Is(err, errDepth) || strings.Contains(message, errDepth.Error()) {
		deep := faultDepth(f.line, f.column)
		return &deep
	}
	f.message, f.hint = explainYAML(message)
	switch opened := contextOf(err); {
	case strings.Contains(message, "control characters"):
		at := place{line: 1, column: 1}
		at.advance(data, max(0, bytes.IndexFunc(data, isControl)))
		f.line, f.column = at.line, at.column
	case opened.Line == 0:
	case strings.Contains(message, "unexpected end of stream"), strings.Contains(message, "unexpected document indicator"):
		f.line, f.column = int32(opened.Line), max(1, int32(opened.Column))
	case strings.Contains(message, "expected ',' or"):
		f.message += "; it was opened at line " + itoa(int32(opened.Line)) + ", column " + itoa(max(1, int32(opened.Column)))
	}
	return f
}

// contextOf is where the construct starts that could not be read to its end.
func contextOf(err error) yaml.Mark {
	if load, ok := errors.AsType[*yaml.LoadError](err); ok {
		return load.ContextMark
	}
	return yaml.Mark{}
}

func isControl(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85
}

// yamlMistakes words the errors of the YAML library, most specific first.
var yamlMistakes = []struct{ part, message, hint string }{
	{"unknown anchor", "an alias (*name) without its anchor (&name)", `put a text that starts with * in quotes`},
	{"tab character", "a tab in the indentation", "indent with spaces"},
	{"cannot start any token", "a plain text cannot start with this character", "put texts that start with @, `, % or a tab in quotes"},
	{"mapping values are not allowed", "a colon where no key can be", `put a text that holds ": " in quotes; otherwise check the indentation`},
	{"block sequence entries are not allowed", "a list item where no list can be", `write lists on lines of their own, or put a text that starts with "- " in quotes`},
	{"mapping keys are not allowed", "a key where no key can be", "check the indentation"},
	{"could not find expected ':'", "expected a colon after the key", "write `key: value`, with a space after the colon; check the line before for a quote that is not closed"},
	{"did not find expected '-' indicator", "expected the next list item", "indent all items of a list alike"},
	{"did not find expected key", "expected a key here", "check the indentation and the quotes of this line and the one before"},
	{"did not find expected ',' or", "a [ or { is not closed, or a comma is missing", "put a text that starts with [ or { in quotes"},
	{"did not find expected node content", "expected a value", "put a text of special characters in quotes"},
	{"unknown escape character", `a backslash in double quotes is followed by something that YAML does not know`, `write \\ for a backslash, or use single quotes`},
	{"hexadecimal", `a \x or \u escape without its digits`, `write \\ for a backslash, or use single quotes`},
	{"Unicode character", "an escape that is no character", "write the character itself"},
	{"surrogate", "an escape that is no character", "write the character itself"},
	{"unexpected end of stream", "a quote is not closed", "close it, or put the text in the other kind of quotes"},
	{"unexpected document indicator", "a quote is not closed before --- or ...", "close the quote"},
	{"control characters", "a control character", `put the text in double quotes and write the character as \xNN`},
	{"UTF-", "the file is not UTF-8", "save it as UTF-8"},
	{"directive", "a line that starts with % is a YAML directive, and this one is not known", "put the text in quotes"},
	{"incompatible YAML", "a YAML version that is not known", "remove the %YAML line"},
	{"tag", "a tag (!name) that is not complete", "put a text that starts with ! in quotes"},
	{"alphabetic or numeric", "an anchor (&) or alias (*) without a name", "put a text that starts with & or * in quotes"},
	{"document start", "text after the end of the document", "keep one document in a file"},
	{"document-end", "text after the end of the document", "keep one document in a file"},
	{"comment", "a # must have a space before it to start a comment", "put a space before #, or quotes around the text"},
	{"indentation", "the indentation is not even", "indent with spaces, and lines of one level alike"},
}

func explainYAML(message string) (what, hint string) {
	for _, mistake := range yamlMistakes {
		if strings.Contains(message, mistake.part) {
			return mistake.message, mistake.hint
		}
	}
	return "not valid YAML", "check the indentation, colons and quotes of this line and the one before"
}

package manifest

import "keep-bootstrap/internal/catalogue"

// lookup is what is needed to check a provider against the catalogue, with the
// places of its parts.
type lookup struct {
	entry    *node // where the provider starts
	entryKey string
	// kind is the value of `type:`; nil where it cannot be looked up.
	kind *node
	// key and authentication are nil where the provider has no authentication.
	key, authentication *node
}

// declare notes what the catalogue says of the type. It may stand behind the
// authentication.
func (e *entry) declare(kind *node) {
	if e.catalogue != nil && kind != nil && kind.kind == kindText {
		e.declared, _ = e.catalogue.Type(kind.text)
	}
}

// wantsBoolean says whether the type declares the field as a boolean.
func (e *entry) wantsBoolean(field string) bool {
	if e.declared == nil {
		return false
	}
	f, ok := e.declared.Field(field)
	return ok && f.Kind == catalogue.KindBoolean
}

// lookUp checks type and authentication against the catalogue.
func (e *entry) lookUp(look *lookup) {
	if e.catalogue == nil || look.kind == nil {
		return
	}
	var members []member
	if look.authentication != nil {
		if look.authentication.kind != kindObject && look.authentication.kind != kindNull {
			return // said already
		}
		members = look.authentication.members
	}
	e.given = e.given[:0]
	for i := range members {
		e.given = append(e.given, catalogue.Given{Name: members[i].key.text, Value: valueOf(&members[i].value)})
	}
	problems, _ := e.catalogue.Check(look.kind.text, e.given)
	for i := range problems {
		p := &problems[i]
		f := fault{message: p.Message, hint: p.Hint}
		switch p.Sort {
		case catalogue.UnknownType, catalogue.NotInstallable:
			if p.Sort == catalogue.UnknownType && e.allowUnknown {
				continue
			}
			f.line, f.column, f.key, f.code = look.kind.line, look.kind.column, "type", CodeType
			e.shown(f)
		case catalogue.MissingField, catalogue.NoneOf:
			f.line, f.column, f.key, f.code = look.entry.line, look.entry.column, look.entryKey, CodeMissing
			if look.key != nil {
				f.line, f.column, f.key = look.key.line, look.key.column, "authentication"
			}
			e.fail(f)
		case catalogue.MistypedField, catalogue.UnknownField:
			key := &members[p.Given].key
			f.line, f.column, f.key, f.code = key.line, key.column, key.text, CodeUnknownKey
			switch {
			case p.Sort == catalogue.MistypedField || e.strict:
				e.fail(f)
			case key.text != "deduplication_rules": // which has a warning of its own
				e.warn(f)
			}
		case catalogue.WrongKind:
			value := &members[p.Given].value
			f.line, f.column, f.key, f.code = value.line, value.column, members[p.Given].key.text, CodeKind
			e.fail(f)
		}
	}
}

// valueOf gives a value as the catalogue takes it.
func valueOf(n *node) catalogue.Value {
	v := catalogue.Value{Text: n.text, Unresolved: n.unresolved}
	switch n.kind {
	case kindNull:
	case kindBool:
		v.Kind = catalogue.Boolean
	case kindNumber:
		v.Kind = catalogue.Number
	case kindText:
		v.Kind = catalogue.Text
	case kindObject:
		v.Kind = catalogue.Object
	case kindList:
		v.Kind = catalogue.List
		v.Items = make([]catalogue.Value, len(n.members))
		for i := range n.members {
			v.Items[i] = valueOf(&n.members[i].value)
		}
	}
	return v
}

package manifest

import (
	"keep-bootstrap/internal/catalogue"
	"keep-bootstrap/internal/document"
)

// declare notes what the catalogue says of the type, which may come after the authentication.
func (p *provider) declare(kind *document.Value) {
	if types := p.reader.options.Catalogue; types != nil && kind != nil && kind.Kind == document.Text {
		p.declared, _ = types.Type(kind.Text)
	}
}

// wantsBoolean reports whether the type declares the field as a boolean.
func (p *provider) wantsBoolean(field string) bool {
	if p.declared == nil {
		return false
	}
	f, ok := p.declared.Field(field)
	return ok && f.Kind == catalogue.KindBoolean
}

// lookUp checks type and authentication against the catalogue.
func (p *provider) lookUp() {
	options := &p.reader.options
	if options.Catalogue == nil || p.typeValue == nil || p.fields != nil && p.fields.Kind != document.Object && p.fields.Kind != document.Null {
		return // already reported
	}
	for _, found := range options.Catalogue.Check(p.typeValue.Text, p.fields) {
		f := document.Fault{Message: found.Message, Hint: found.Hint}
		switch found.Sort {
		case catalogue.UnknownType, catalogue.NotInstallable:
			if found.Sort == catalogue.NotInstallable || !options.AllowUnknownTypes {
				f.Place, f.Key, f.Code = p.typeValue.Place, "type", CodeType
				p.show(f)
			}
		case catalogue.MissingField, catalogue.NoneOf:
			f.Place, f.Key, f.Code = p.start.Place, p.start.Text, CodeMissing
			if p.authenticationKey != nil {
				f.Place, f.Key = p.authenticationKey.Place, "authentication"
			}
			p.fail(f)
		case catalogue.MistypedField, catalogue.UnknownField, catalogue.RefusedField:
			f.Place, f.Key, f.Code = found.Member.Key.Place, found.Member.Key.Text, CodeUnknownKey
			switch {
			case found.Sort != catalogue.UnknownField || options.Strict:
				p.fail(f)
			case f.Key != "deduplication_rules": // which has its own warning
				p.warn(f)
			}
		case catalogue.WrongKind:
			f.Place, f.Key, f.Code = found.Member.Value.Place, found.Member.Key.Text, CodeKind
			p.fail(f)
		}
	}
}

package manifest

import (
	"hash/maphash"
	"iter"
	"runtime/debug"
)

// Providers are the providers of a manifest in the order of the input: as the sources were given, files of a directory and
// variables sorted by name, entries as written.
//
// Those of a large JSON source are not kept but read again from its text, each time that somebody asks for them: a million of
// them take as much memory as their text, and not four times that.
type Providers struct {
	count int
	parts []part
}

// part is a run of providers: held as they were read, or to be read again.
type part struct {
	held     []Provider
	released iter.Seq[Provider]
}

// holdsUpTo is the size of a JSON source, in bytes, from which its providers are read again. Reading takes time, and what is
// smaller than this fits into the memory of any container.
const holdsUpTo = 32 << 20

// Len is how many there are.
func (p *Providers) Len() int { return p.count }

// All gives one provider after the other. It can be called again.
func (p *Providers) All() iter.Seq[Provider] {
	return func(yield func(Provider) bool) {
		for _, part := range p.parts {
			if part.released != nil {
				for provider := range part.released {
					if !yield(provider) {
						return
					}
				}
				continue
			}
			for i := range part.held {
				if !yield(part.held[i]) {
					return
				}
			}
		}
	}
}

// grow makes room for so many more: a list that grows step by step holds a large input twice, and what is reserved and not
// used costs nothing.
func (p *Providers) grow(n int) {
	const many = 1000
	if n > many {
		p.parts = append(p.parts, part{held: make([]Provider, 0, n)})
	}
}

// hold keeps a provider.
func (p *Providers) hold(provider Provider) {
	if len(p.parts) == 0 || p.parts[len(p.parts)-1].released != nil {
		p.parts = append(p.parts, part{})
	}
	last := &p.parts[len(p.parts)-1]
	last.held = append(last.held, provider)
	p.count++
}

// addReleased adds those of a large source, which have been counted.
func (p *Providers) addReleased(providers iter.Seq[Provider]) {
	p.parts = append(p.parts, part{released: providers})
}

// again is the state of a source that is read once more.
type again struct {
	yield   func(Provider) bool
	stopped bool
}

func (l *loader) stopped() bool { return l.again != nil && l.again.stopped }

// readAgain gives the providers of a source that has been read without a problem. What references stand for is what it was
// then.
func (l *loader) readAgain(s source) iter.Seq[Provider] {
	// Not l itself, which holds the names.
	reader := &loader{environment: l.environment, files: l.files, skipReferences: l.skipReferences}
	return func(yield func(Provider) bool) {
		s, l := s, *reader
		l.again, l.manifest = &again{yield: yield}, &Manifest{}
		l.claimed, l.rules = map[string]Position{}, map[string]Position{}
		l.loadDocument(&s, &jsonDocument{data: s.data, lines: s.format == formatLines, report: func(fault) {}, keys: map[string]string{}})
	}
}

// releaseGarbage lets the collector run after a twentieth of what is in use has been allocated anew, instead of as much again: the
// text of a large source is in use and costs the collector nothing, since there are no pointers in it.
func releaseGarbage(size int) {
	const percent = 5
	if size <= holdsUpTo {
		return
	}
	if old := debug.SetGCPercent(percent); old >= 0 && old < percent {
		debug.SetGCPercent(old) // GOGC asks for still less
	}
}

// nameIndex finds a name that is used twice. It holds 64 bits of hash and no name, with a seed of its own for each run: of a
// million names two share theirs once in forty million runs. Where the names stand is found out when one comes twice.
type nameIndex struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
	places map[string]Position // nil until a name comes twice
}

func (n *nameIndex) has(name string) bool {
	_, ok := n.hashes[maphash.String(n.seed, name)]
	return ok
}

func (n *nameIndex) add(p *Provider) {
	if p.Name == "" {
		return
	}
	n.hashes[maphash.String(n.seed, p.Name)] = struct{}{}
	if n.places != nil {
		n.note(p)
	}
}

func (n *nameIndex) note(p *Provider) {
	if _, ok := n.places[p.Name]; !ok {
		n.places[p.Name] = p.Source
	}
}

// firstPlace is where the name of the entry was used first.
func (e *entry) firstPlace(name string) Position {
	n := &e.names
	if n.places == nil {
		n.places = map[string]Position{}
		for p := range e.manifest.Providers.All() {
			n.note(&p)
		}
		if e.source.released {
			for p := range e.readAgain(*e.source) {
				if p.Source == e.provider.Source {
					break
				}
				n.note(&p)
			}
		}
	}
	return n.places[name]
}

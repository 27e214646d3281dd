package pgtest

import (
	"context"
	endian "encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Cut says what a [Proxy] does with a message.
type Cut int

// What can become of a message.
const (
	Pass       Cut = iota // pass it on
	CutBefore             // close the connection instead of passing it on
	CutAfter              // pass it on, and close the connection at once
	Swallow               // of a client: pass it on, keep the server's answer back, and close when that is complete
	Stall                 // keep the connection open until the end of the test, but pass nothing more in either direction
	StallAfter            // pass it on, and then stall
)

// Message is one message of PostgreSQL's protocol.
type Message struct {
	Connection int  // counted from 1
	Number     int  // in its connection and direction, counted from 1
	FromServer bool // or from the client
	Type       byte // the protocol's; 0 for the first message of a client, which has none
	Body       []byte
}

// Types of the messages with which the server ends an answer; after the second it waits for the data of a COPY.
const (
	readyForQuery  = 'Z'
	copyInResponse = 'G'
)

// Proxy stands between clients and a server and breaks connections where a test wants that. It knows where the protocol's
// messages begin and end, so it can cut right after a COMMIT was passed on and before its answer comes back. Clients must
// not ask for TLS.
type Proxy struct {
	URL string // as the server's, by way of the proxy

	server string
	decide func(Message) Cut

	ended chan struct{} // at the end of the test

	mu          sync.Mutex
	open        map[net.Conn]bool
	connections int
	refusing    bool
}

// NewProxy starts a proxy in front of the server of address, until the end of the test. decide is called for every
// message, one call at a time; nil passes all on.
func NewProxy(t testing.TB, address string, decide func(Message) Cut) *Proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: u.Host, decide: decide, open: map[net.Conn]bool{}, ended: make(chan struct{})}
	if decide == nil {
		p.decide = func(Message) Cut { return Pass }
	}
	u.Host = listener.Addr().String()
	p.URL = u.String()
	t.Cleanup(func() {
		listener.Close()
		close(p.ended)
		p.CutAll()
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// CutAll closes all connections that are open.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		conn.Close()
	}
}

// Refuse closes every further connection before its first message, or lets them through again.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = refuse
}

// serve relays one connection in both directions.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	if p.refusing {
		p.mu.Unlock()
		return
	}
	p.connections++
	number := p.connections
	p.mu.Unlock()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.open[client], p.open[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.open, client)
		delete(p.open, server)
		p.mu.Unlock()
	}()

	l := link{swallowing: make(chan struct{}), stalled: make(chan struct{})}
	go func() {
		p.relay(server, client, Message{Connection: number, FromServer: true}, l)
		client.Close()
	}()
	if p.relay(client, server, Message{Connection: number}, l) == Swallow {
		_, _ = io.Copy(io.Discard, client) // until the other direction has seen the whole answer
	}
}

// link is what the two directions of a connection tell each other.
type link struct{ swallowing, stalled chan struct{} }

// relay passes messages on until one end is closed or decide says to cut. It returns what decide said last.
func (p *Proxy) relay(from, to net.Conn, m Message, l link) Cut {
	for {
		m.Number++
		raw, err := readMessage(from, &m)
		if err != nil {
			return Pass
		}
		if m.FromServer {
			select {
			case <-l.swallowing:
				if m.Type == readyForQuery || m.Type == copyInResponse {
					return Swallow
				}
				continue
			default:
			}
		}
		p.mu.Lock()
		cut := p.decide(m)
		select {
		case <-l.stalled:
			cut = Stall
		default:
			if cut == Stall || cut == StallAfter {
				close(l.stalled)
			}
		}
		p.mu.Unlock()
		switch cut {
		case CutBefore:
			return cut
		case Swallow:
			close(l.swallowing)
		case Stall:
			<-p.ended
			return cut
		case StallAfter:
			_, _ = to.Write(raw) // to the other side it is a connection like any other
			<-p.ended
			return cut
		}
		if _, err := to.Write(raw); err != nil || cut != Pass {
			return cut
		}
	}
}

// readMessage reads one message as it is on the wire.
func readMessage(from io.Reader, m *Message) ([]byte, error) {
	header := 5 // type and length; the length counts itself
	if !m.FromServer && m.Number == 1 {
		header = 4
	}
	head := make([]byte, header)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	if header == 5 {
		m.Type = head[0]
	}
	raw := make([]byte, header-4+int(endian.BigEndian.Uint32(head[header-4:])))
	copy(raw, head)
	m.Body = raw[header:]
	_, err := io.ReadFull(from, m.Body)
	return raw, err
}

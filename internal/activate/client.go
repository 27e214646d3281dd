package activate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keep-bootstrap/internal/postgres"
)

// Client calls the API of Keep. It never follows a redirect: the key stays with its host.
type Client struct {
	base    *url.URL
	key     string
	version string
	http    *http.Client
	// Pauses are those after an answer 429, which Keep sends without saying for how long.
	Pauses []time.Duration
}

const (
	readLimit = 30 * time.Second // of a call that only reads from Keep
	bodyLimit = 1 << 20
)

// errNoAnswer says that a request was sent and its result is unknown: Keep may still be working on it.
var errNoAnswer = errors.New("no answer")

// ParseURL reads the base address of Keep's API.
func ParseURL(address string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSpace(address))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, postgres.Usage("--keep-url is not the address of an API", "write it like http://keep-backend:8080, without user, password or query")
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	return base, nil
}

// NewClient returns a client for the API at base, with an API key of role admin. version is that of this program.
func NewClient(base *url.URL, key, version string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // a kept connection that Keep has closed would look like a call without an answer
	return &Client{
		base: base, key: key, version: version,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Pauses: []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second},
	}
}

// answer is what Keep sent back.
type answer struct {
	status   int
	body     []byte
	location string
}

// call sends one request and reads the answer. A request that is answered with 429 was not executed, and is sent again.
//
// Errors: errNoAnswer if it was sent and not answered within limit, or the connection broke; CodeKeepAway if it was not sent;
// and those of stop.
func (c *Client) call(ctx context.Context, method, path string, limit time.Duration) (answer, error) {
	for attempt := 0; ; attempt++ {
		a, err := c.once(ctx, method, path, limit)
		if err != nil || a.status != http.StatusTooManyRequests {
			if err == nil {
				err = c.stop(a)
			}
			return a, err
		}
		if attempt >= len(c.Pauses) {
			return a, c.away("Keep still limits the number of requests after several pauses", nil)
		}
		select {
		case <-ctx.Done():
			return a, context.Cause(ctx)
		case <-time.After(c.Pauses[attempt]):
		}
	}
}

func (c *Client) once(parent context.Context, method, path string, limit time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	connected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	request, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-Api-Key", c.key)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "keep-bootstrap/"+c.version)
	response, err := c.http.Do(request)
	var body []byte
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	}
	switch {
	case err == nil:
		return answer{response.StatusCode, body, response.Header.Get("Location")}, nil
	case parent.Err() != nil:
		return answer{}, context.Cause(parent)
	case connected:
		return answer{}, errors.Join(errNoAnswer, err)
	}
	return answer{}, c.away("Keep cannot be reached at "+c.base.String(), err)
}

func (c *Client) away(message string, cause error) error {
	if failed, ok := errors.AsType[*url.Error](cause); ok {
		message += ": " + failed.Err.Error() // without the address, which is in the message
	}
	return &postgres.Error{
		Code: postgres.CodeKeepAway, Message: message, Hint: "start Keep or correct --keep-url; --wait waits for it",
		ExitCode: postgres.ExitUnavailable, Retry: true, Err: cause,
	}
}

func refused(message, hint string) error {
	return &postgres.Error{Code: postgres.CodeKeepRefused, Message: message, Hint: hint, ExitCode: postgres.ExitRefused}
}

func (c *Client) notKeep() error {
	return refused(fmt.Sprintf("the server at %s is not Keep's API", c.base), "give the address of Keep's backend, not of its frontend")
}

// stop is the error of an answer after which other calls are useless; nil for other answers.
func (c *Client) stop(a answer) error {
	const notTheAPI = "give the address of Keep's backend, not of its frontend, with the path under which a proxy serves it"
	switch a.status {
	case http.StatusUnauthorized:
		return refused("Keep does not accept the API key", "give a key of role admin with --api-key-file or KEEP_API_KEY")
	case http.StatusForbidden:
		if strings.Contains(detail(a.body), "Read only instance") {
			return refused("this Keep is read-only", "run it without KEEP_READ_ONLY")
		}
		return refused("the role of the API key does not allow this", "give a key of role admin with --api-key-file or KEEP_API_KEY")
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return refused(fmt.Sprintf("no Keep API at %s (status %d)", c.base, a.status), notTheAPI)
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return c.away(fmt.Sprintf("a proxy in front of Keep answers with status %d", a.status), nil)
	}
	if a.status >= 300 && a.status < 400 {
		return refused(fmt.Sprintf("%s redirects to %s, and the key is not sent there", c.base, origin(a.location)), notTheAPI)
	}
	return nil
}

// origin is scheme and host of an address.
func origin(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return "another path"
}

// Ready checks that Keep answers, has its database, accepts the key, and takes it for one of the tenant.
//
// Errors: CodeKeepAway, which waiting may cure; CodeKeepRefused.
func (c *Client) Ready(ctx context.Context, tenant string) error {
	if _, err := c.read(ctx, "/healthcheck"); err != nil {
		return err
	}
	body, err := c.read(ctx, "/whoami")
	if err != nil {
		return err
	}
	var who struct {
		TenantID string `json:"tenant_id"`
	}
	if json.Unmarshal(body, &who) != nil || who.TenantID == "" {
		return c.notKeep()
	}
	if who.TenantID != tenant {
		return refused(fmt.Sprintf("the API key belongs to tenant %q, not to %q", who.TenantID, tenant), "give a key of that tenant, or correct --tenant")
	}
	return nil
}

// read is a call that only reads: everything but 200 is an error.
func (c *Client) read(ctx context.Context, path string) ([]byte, error) {
	a, err := c.call(ctx, http.MethodGet, path, readLimit)
	switch {
	case errors.Is(err, errNoAnswer):
		return nil, c.away("Keep does not answer "+path, nil)
	case err != nil:
		return nil, err
	case a.status >= http.StatusInternalServerError:
		return nil, c.away(fmt.Sprintf("Keep answers %s with status %d: it may have lost its database", path, a.status), nil)
	case a.status != http.StatusOK:
		return nil, refused(fmt.Sprintf("Keep answers %s with status %d", path, a.status), "check that this version of keep-bootstrap supports this version of Keep")
	}
	return a.body, nil
}

// Settings returns the address that Keep gives to outside systems, which is its KEEP_API_URL, and the key. Keep creates the
// key if it does not exist, in two steps that another call may disturb: see SeedWebhookKey.
func (c *Client) Settings(ctx context.Context) (address, key string, err error) {
	body, err := c.read(ctx, "/settings/webhook")
	if err != nil {
		return "", "", err
	}
	var settings struct {
		WebhookAPI string `json:"webhookApi"`
		APIKey     string `json:"apiKey"`
	}
	if json.Unmarshal(body, &settings) != nil || settings.WebhookAPI == "" {
		return "", "", refused("Keep does not report the address of its webhooks", "check that this version of keep-bootstrap supports this version of Keep")
	}
	return strings.TrimSuffix(settings.WebhookAPI, "/alerts/event"), settings.APIKey, nil
}

// webhook asks Keep to install the webhook of a provider in the outside system. Not safe to repeat for every type. text is
// Keep's and may hold secrets.
func (c *Client) webhook(ctx context.Context, providerType, id string, limit time.Duration) (state State, text string, err error) {
	a, err := c.call(ctx, http.MethodPost, "/providers/install/webhook/"+url.PathEscape(providerType)+"/"+url.PathEscape(id), limit)
	switch {
	case errors.Is(err, errNoAnswer):
		return Unknown, "", nil
	case err != nil:
		return Waiting, "", err
	case a.status == http.StatusOK && json.Valid(a.body):
		return Installed, "", nil
	case a.status == http.StatusOK:
		return Waiting, "", c.notKeep()
	case a.status == http.StatusBadRequest && field(a.body, "detail") == "" && field(a.body, "message") != "":
		return Unsupported, field(a.body, "message"), nil
	case a.status == http.StatusBadRequest:
		return Refused, detail(a.body), nil
	}
	return Failed, "status " + strconv.Itoa(a.status) + ": " + detail(a.body), nil
}

// detail is the text of an error: a value of its JSON, or the whole text if it is not JSON.
func detail(body []byte) string {
	for _, key := range []string{"detail", "error_msg", "error", "message"} {
		if text := field(body, key); text != "" {
			return text
		}
	}
	if json.Valid(body) {
		return ""
	}
	return string(bytes.TrimSpace(body))
}

// field is a value of a JSON object: a text as it is, everything else as JSON.
func field(body []byte, key string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(object[key], &text) == nil {
		return text
	}
	if value := string(object[key]); value != "null" {
		return value
	}
	return ""
}

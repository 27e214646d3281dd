package activate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"keep-bootstrap/internal/postgres"
)

const (
	readLimit = 30 * time.Second // of a call that only reads from Keep
	bodyLimit = 1 << 20
)

var (
	// errNoAnswer says that a request was sent and its result is unknown: Keep may still be working on it.
	errNoAnswer = errors.New("no answer")
	// errLimited says that a request was answered with 429, which Keep sends without saying for how long.
	errLimited = errors.New("too many requests")
)

// limited repeats such a request.
var limited = postgres.Policy{
	First: 5 * time.Second, Limit: time.Minute,
	Again: func(err error) bool { return errors.Is(err, errLimited) },
}

// client follows no redirect: the key stays with its host.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// ParseURL reads the base address of Keep's API.
func ParseURL(address string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSpace(address))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, postgres.Usage("--keep-url is not the address of an API",
			"write it like http://keep-backend:8080, without user, password or query")
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	return base, nil
}

// isLocal reports whether outside systems cannot reach an address, because it means the machine that calls it. What is not
// an address at all counts as local.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.IsUnspecified()
	}
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain"
}

// shownAddress is an address without user and password.
func shownAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return hidden
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// answer is what Keep sent back.
type answer struct {
	status int
	body   []byte
}

// call sends one request and reads the answer. A request that is answered with 429 was not executed, and is sent again.
//
// Errors: errNoAnswer if it was sent and not answered within limit, or the connection broke; CodeKeepAway if it was not sent;
// and those of stop.
func (r *Run) call(ctx context.Context, method, path string, limit time.Duration) (answer, error) {
	return postgres.Retry(ctx, limited, func() (answer, error) { return r.once(ctx, method, path, limit) })
}

func (r *Run) once(parent context.Context, method, path string, limit time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	connected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	request, err := http.NewRequestWithContext(ctx, method, r.KeepURL.String()+path, nil)
	if err != nil {
		return answer{}, err
	}
	request.Close = true // a kept connection that Keep has closed would look like a call without an answer
	request.Header.Set("X-Api-Key", r.Key)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "keep-bootstrap/"+r.Version)
	response, err := client.Do(request)
	var body []byte
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	}
	switch {
	case err == nil:
		return answer{response.StatusCode, body}, r.stop(response, body)
	case parent.Err() != nil:
		return answer{}, context.Cause(parent)
	case connected:
		return answer{}, errors.Join(errNoAnswer, err)
	}
	return answer{}, r.away("Keep cannot be reached at "+r.KeepURL.String(), err)
}

func (r *Run) away(message string, cause error) error {
	if failed, ok := errors.AsType[*url.Error](cause); ok {
		message += ": " + failed.Err.Error() // without the address, which is in the message
	}
	return postgres.New(postgres.CodeKeepAway, message, "", cause)
}

func refused(message, hint string) error {
	return postgres.New(postgres.CodeKeepRefused, message, hint)
}

// Hints for a server that is not Keep's API, or another Keep's.
const (
	notTheAPI    = "give the address of Keep's backend, not of its frontend, with the path under which a proxy serves it"
	checkVersion = "check that this version of keep-bootstrap supports this version of Keep"
)

func (r *Run) notKeep() error {
	return refused(fmt.Sprintf("the server at %s is not Keep's API", r.KeepURL), notTheAPI)
}

// stop is the error of an answer after which other calls are useless; nil for other answers.
func (r *Run) stop(response *http.Response, body []byte) error {
	const giveAdminKey = "give a key of role admin with --api-key-file or KEEP_API_KEY"
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized:
		return refused("Keep does not accept the API key", giveAdminKey)
	case status == http.StatusForbidden && strings.Contains(detail(body), "Read only instance"):
		return refused("this Keep is read-only", "run it without KEEP_READ_ONLY")
	case status == http.StatusForbidden:
		return refused("the role of the API key does not allow this", giveAdminKey)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return refused(fmt.Sprintf("no Keep API at %s (status %d)", r.KeepURL, status), notTheAPI)
	case status == http.StatusTooManyRequests:
		return r.away("Keep still limits the number of requests after several pauses", errLimited)
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return r.away(fmt.Sprintf("a proxy in front of Keep answers with status %d", status), nil)
	case status >= 300 && status < 400:
		to := "another path"
		if u, err := url.Parse(response.Header.Get("Location")); err == nil && u.Host != "" {
			to = u.Scheme + "://" + u.Host
		}
		return refused(fmt.Sprintf("%s redirects to %s, and the key is not sent there", r.KeepURL, to), notTheAPI)
	}
	return nil
}

// ready checks that Keep answers, has its database, accepts the key, and takes it for one of the tenant.
//
// Errors: CodeKeepAway, which waiting may cure; CodeKeepRefused.
func (r *Run) ready(ctx context.Context) error {
	if err := r.get(ctx, "/healthcheck", nil); err != nil { // a proxy may answer it with a text of its own
		return err
	}
	var who struct {
		TenantID string `json:"tenant_id"`
	}
	if err := r.get(ctx, "/whoami", &who); err != nil {
		return err
	}
	switch who.TenantID {
	case r.Tenant:
		return nil
	case "":
		return r.notKeep()
	}
	return refused(fmt.Sprintf("the API key belongs to tenant %q, not to %q", who.TenantID, r.Tenant),
		"give a key of that tenant, or correct --tenant")
}

// get reads JSON from Keep, unless into is nil. Every status but 200 is an error.
func (r *Run) get(ctx context.Context, path string, into any) error {
	a, err := r.call(ctx, http.MethodGet, path, readLimit)
	switch {
	case errors.Is(err, errNoAnswer):
		return r.away("Keep does not answer "+path, nil)
	case err != nil:
		return err
	case a.status >= http.StatusInternalServerError:
		return r.away(fmt.Sprintf("Keep answers %s with status %d: it may have lost its database", path, a.status), nil)
	case a.status != http.StatusOK:
		return refused(fmt.Sprintf("Keep answers %s with status %d", path, a.status), checkVersion)
	case into != nil && json.Unmarshal(a.body, into) != nil:
		return r.notKeep()
	}
	return nil
}

// post asks Keep to do something about a provider, and reads JSON of status 200. Without an answer the result is Unknown,
// and with another status it is Failed. Its text is Keep's and may hold secrets.
func (r *Run) post(ctx context.Context, result *Result, path string, into any) (answer, error) {
	a, err := r.call(ctx, http.MethodPost, path, r.Timeout)
	switch {
	case errors.Is(err, errNoAnswer):
		result.State, result.Text = Unknown, "no answer within "+r.Timeout.String()
		return answer{}, nil
	case err == nil && a.status != http.StatusOK:
		result.State, result.Text = Failed, fmt.Sprintf("status %d: %s", a.status, detail(a.body))
	case err == nil && json.Unmarshal(a.body, into) != nil:
		err = r.notKeep()
	}
	return a, err
}

// callWebhook has Keep install the webhook of a provider in the outside system. Not safe to repeat for every type.
func (r *Run) callWebhook(ctx context.Context, result *Result) error {
	var ignored any
	path := "/providers/install/webhook/" + url.PathEscape(result.Type) + "/" + url.PathEscape(result.ID)
	a, err := r.post(ctx, result, path, &ignored)
	switch {
	case err != nil:
	case a.status == http.StatusOK:
		result.State = Installed
	case a.status == http.StatusBadRequest && field(a.body, "detail") == "" && field(a.body, "message") != "":
		result.State, result.Text = Unsupported, field(a.body, "message")
	case a.status == http.StatusBadRequest:
		result.State, result.Text = Refused, detail(a.body)
	}
	return err
}

// callScopes has Keep validate the scopes of a provider. Status 200 says only that it was tried. Safe to repeat, except for
// the types of sideEffects.
func (r *Run) callScopes(ctx context.Context, result *Result) error {
	var scopes map[string]json.RawMessage
	a, err := r.post(ctx, result, "/providers/"+url.PathEscape(result.ID)+"/scopes", &scopes)
	if err == nil && a.status == http.StatusOK {
		result.State = Valid
	}
	for scope, value := range scopes {
		result.Scopes[scope] = ""
		if string(value) != "true" {
			result.State = Invalid
			result.Scopes[scope] = cmp.Or(field(a.body, scope), "no")
		}
	}
	return err
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

// field is a value of a JSON object: a string as it is, everything else as JSON.
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

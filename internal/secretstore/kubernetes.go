package secretstore

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"keep-bootstrap/internal/postgres"
)

// Kubernetes is a namespace whose Secrets Keep's K8S secret manager writes: one per secret, with the only key value.
type Kubernetes struct {
	Namespace string

	server *url.URL
	client *http.Client
	token  string
}

const (
	pageSize = 50
	// maxPage bounds what is read of one page: so many Secrets of the largest size, in base64 and with their metadata.
	maxPage = pageSize * 2 << 20
	// maxLists is how often the list is begun again when the server forgets where it was.
	maxLists = 3
	// requestTimeout bounds one request.
	requestTimeout = 30 * time.Second
)

// String names the store.
func (k *Kubernetes) String() string {
	return fmt.Sprintf("namespace %s of %s", k.Namespace, k.server.Host)
}

// secretName is the name of the Secret in which Keep stores a key.
func secretName(key string) string {
	return strings.ReplaceAll(strings.ToLower(key), "_", "-")
}

// Read lists the Secrets of the namespace and keeps those of the keys. Two keys that Keep stores under one name have entries with a
// problem, because nothing says whose value it is.
//
// Errors: exit code 69 if the API cannot be reached, 75 if it has no time or fails, 77 if it refuses the credentials or the list.
func (k *Kubernetes) Read(ctx context.Context, tenant string, keys []string) (Contents, error) {
	named := map[string][]string{}
	for _, key := range keys {
		named[secretName(key)] = append(named[secretName(key)], key)
	}
	found, unused, err := k.list(ctx, named, secretName(tenant))
	if err != nil {
		return Contents{}, err
	}
	var contents Contents
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for _, key := range named[name] {
			entry := found[name]
			entry.Key = key
			if others := slices.DeleteFunc(slices.Clone(named[name]), func(other string) bool { return other == key }); len(others) > 0 {
				entry = Entry{Key: key, Problem: fmt.Sprintf("Secret %s could be its value or that of %s: both have that name in Kubernetes",
					name, strings.Join(others, ", "))}
			}
			contents.Entries = append(contents.Entries, entry)
		}
	}
	slices.Sort(unused)
	contents.Unused = unused
	return contents, nil
}

// secretList is a page of the list, as far as it is of interest.
type secretList struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Data map[string]string `json:"data"`
	} `json:"items"`
}

// list reads all pages. found are the Secrets of the names, unused those of the tenant that have another name.
func (k *Kubernetes) list(ctx context.Context, named map[string][]string, tenant string) (found map[string]Entry, unused []string, err error) {
	for range maxLists {
		found, unused = map[string]Entry{}, nil
		var page secretList
		for next, more := "", true; more; more = next != "" {
			if page, err = k.page(ctx, next); err != nil {
				break
			}
			for _, item := range page.Items {
				name := item.Metadata.Name
				encoded, ok := item.Data["value"]
				switch {
				case !ok:
				case named[name] != nil:
					found[name] = decoded(encoded)
				case len(item.Data) == 1 && looksOwn(name, tenant):
					unused = append(unused, name)
				}
			}
			if page.Metadata.Continue == next && next != "" {
				return nil, nil, notKubernetes(k.server.Host)
			}
			next = page.Metadata.Continue
		}
		if !errors.Is(err, errExpired) {
			return found, unused, err
		}
	}
	return nil, nil, temporary("the list of Secrets expired while it was read", err)
}

func decoded(encoded string) Entry {
	value, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Entry{Problem: "the value in the store is not base64"}
	}
	return newEntry("", value)
}

// errExpired is returned for a page that the server can no longer give: the list must be read from its beginning.
var errExpired = errors.New("410 Gone")

// page reads one page. Only Secrets of type Opaque are asked for, which Keep's are: releases of Helm and certificates stay away.
func (k *Kubernetes) page(ctx context.Context, next string) (secretList, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}, "fieldSelector": {"type=Opaque"}}
	if next != "" {
		query.Set("continue", next)
	}
	address := k.server.JoinPath("api/v1/namespaces", k.Namespace, "secrets")
	address.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, errSlow)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return secretList{}, k.unreachable(err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", postgres.ApplicationName)
	if k.token != "" {
		request.Header.Set("Authorization", "Bearer "+k.token)
	}
	response, err := k.client.Do(request)
	if err != nil {
		return secretList{}, k.failed(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return secretList{}, k.failed(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		return secretList{}, k.refused(response, body)
	}
	var page secretList
	if json.Unmarshal(body, &page) != nil || page.Kind != "SecretList" {
		return secretList{}, notKubernetes(k.server.Host)
	}
	return page, nil
}

// errSlow is the cause of a request that took too long.
var errSlow = errors.New("no answer in time")

// failed is the error of a request without an answer.
func (k *Kubernetes) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSlow) {
		return cause
	}
	if errors.Is(context.Cause(ctx), errSlow) {
		return temporary(fmt.Sprintf("the Kubernetes API at %s did not answer within %s", k.server.Host, requestTimeout), err)
	}
	return k.unreachable(err)
}

func (k *Kubernetes) unreachable(err error) error {
	e := &postgres.Error{
		Code: postgres.CodeUnreachable, ExitCode: postgres.ExitUnavailable, Retry: true, Err: err,
		Message: fmt.Sprintf("the Kubernetes API at %s cannot be reached: %s", k.server.Host, postgres.Innermost(err)),
		Hint:    "check the server in the kubeconfig, and the network policies of the namespace",
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	if errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) {
		e.Retry = false
		e.Hint = "correct certificate-authority, certificate-authority-data or tls-server-name in the kubeconfig"
	}
	return e
}

// refused is the error of an answer other than 200.
func (k *Kubernetes) refused(response *http.Response, body []byte) error {
	var status struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
	}
	said := ""
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" && status.Message != "" {
		said = strings.ToValidUTF8(status.Message, "?")
		if k.token != "" {
			said = strings.ReplaceAll(said, k.token, "(token)")
		}
		said = fmt.Sprintf(": %q", said[:min(len(said), 400)])
	}
	message := fmt.Sprintf("the Kubernetes API at %s answered %d%s", k.server.Host, response.StatusCode, said)
	switch code := response.StatusCode; {
	case code == http.StatusGone:
		return errExpired
	case code == http.StatusUnauthorized:
		return forbidden(message, "create a new token or client certificate, for example with kubectl create token")
	case code == http.StatusForbidden:
		return forbidden(message, fmt.Sprintf("grant the verb list on secrets in namespace %s, or run as the service account of Keep", k.Namespace))
	case code == http.StatusTooManyRequests, code >= 500:
		return temporary(message, nil)
	case code >= 300 && code < 400:
		return unreadable(message+", a redirect, which is not followed because the token would go with it", "correct the server in the kubeconfig")
	case code == http.StatusNotFound:
		return unreadable(message, "correct the server in the kubeconfig, and --namespace")
	}
	return unreadable(message, "correct the kubeconfig, and --namespace")
}

func notKubernetes(host string) error {
	return unreadable("the answer of "+host+" is not a list of Kubernetes Secrets", "correct the server in the kubeconfig")
}

func forbidden(message, hint string) error {
	return &postgres.Error{Code: postgres.CodeForbidden, Message: message, Hint: hint, ExitCode: postgres.ExitPermission}
}

func temporary(message string, err error) error {
	return &postgres.Error{
		Code: postgres.CodeTimeout, Message: message, Hint: "nothing was written: run again", ExitCode: postgres.ExitTemporary, Retry: true, Err: err,
	}
}

package secretstore

import (
	"context"
	"crypto/tls"
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
	// maxRestarts is how often the list is begun again when the server forgets where it was.
	maxRestarts = 2
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
	keysOf := map[string][]string{}
	for _, key := range keys {
		keysOf[secretName(key)] = append(keysOf[secretName(key)], key)
	}
	found, unused := map[string]Entry{}, map[string]bool{}
	err := k.list(ctx, func(name string, data map[string]string) {
		encoded, ok := data["value"]
		switch {
		case !ok:
		case keysOf[name] != nil:
			value, err := base64.StdEncoding.DecodeString(encoded)
			if found[name] = newEntry("", value); err != nil {
				found[name] = Entry{Problem: "the value in the store is not base64"}
			}
		case len(data) == 1 && looksOwn(name, secretName(tenant)):
			unused[name] = true
		}
	})
	if err != nil {
		return Contents{}, err
	}
	contents := Contents{Unused: slices.Sorted(maps.Keys(unused))}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		entry := found[name]
		if len(keysOf[name]) > 1 {
			entry = Entry{Problem: fmt.Sprintf("Secret %s could be the value of %s: both have that name in Kubernetes",
				name, strings.Join(keysOf[name], " or of "))}
		}
		for _, entry.Key = range keysOf[name] {
			contents.Entries = append(contents.Entries, entry)
		}
	}
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

// list reads all pages, and calls see for each Secret; again for all of them if the server forgets where it was.
func (k *Kubernetes) list(ctx context.Context, see func(name string, data map[string]string)) error {
	for next, restarts := "", 0; ; {
		page, err := k.page(ctx, next)
		switch {
		case errors.Is(err, errExpired) && restarts < maxRestarts:
			next, restarts = "", restarts+1
			continue
		case err != nil:
			return err
		case next != "" && page.Metadata.Continue == next:
			return notKubernetes(k.server.Host)
		}
		for _, item := range page.Items {
			see(item.Metadata.Name, item.Data)
		}
		if next = page.Metadata.Continue; next == "" {
			return nil
		}
	}
}

// errExpired is returned for a page that the server can no longer give: the list must be read from its beginning.
var errExpired = temporary("the list of Secrets expired while it was read")

// page reads one page. Only Secrets of type Opaque are asked for, which Keep's are: releases of Helm and certificates stay away.
func (k *Kubernetes) page(ctx context.Context, next string) (secretList, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}, "fieldSelector": {"type=Opaque"}}
	if next != "" {
		query.Set("continue", next)
	}
	address := k.server.JoinPath("api/v1/namespaces", k.Namespace, "secrets")
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return secretList{}, err
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

// failed is the error of a request without an answer.
func (k *Kubernetes) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return temporary(fmt.Sprintf("the Kubernetes API at %s did not answer within %s", k.server.Host, requestTimeout))
	}
	e := postgres.New(postgres.CodeUnreachable,
		fmt.Sprintf("the Kubernetes API at %s cannot be reached: %s", k.server.Host, postgres.Innermost(err)),
		"check the server in the kubeconfig, and the network policies of the namespace")
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
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
		return postgres.New(postgres.CodeForbidden, message,
			"create a new token or client certificate, for example with kubectl create token")
	case code == http.StatusForbidden:
		return postgres.New(postgres.CodeForbidden, message,
			"grant the verb list on secrets in namespace "+k.Namespace+", or run as the service account of Keep")
	case code == http.StatusTooManyRequests, code >= 500:
		return temporary(message)
	case code >= 300 && code < 400:
		return unreadable(message+", a redirect, which is not followed because the token would go with it",
			"correct the server in the kubeconfig")
	}
	return unreadable(message, "correct the server in the kubeconfig, and --namespace")
}

func notKubernetes(host string) error {
	return unreadable("the answer of "+host+" is not a list of Kubernetes Secrets", "correct the server in the kubeconfig")
}

func temporary(message string) error {
	return postgres.New(postgres.CodeTimeout, message, "nothing was written: run again")
}

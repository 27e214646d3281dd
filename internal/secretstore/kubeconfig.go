package secretstore

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"keep-bootstrap/internal/file"
	"keep-bootstrap/internal/postgres"
)

// Access says how to reach the API of Kubernetes.
type Access struct {
	// Kubeconfig is a file, or a list of files as in KUBECONFIG. Without it, the service account of the pod is used.
	Kubeconfig string
	// Namespace is that of the context or of the pod when it is "", and else default.
	Namespace string
	// ServiceAccount is the directory of the token, the certificate and the namespace of a pod.
	ServiceAccount string
	// Host and Port are those that a pod finds in KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.
	Host, Port string
}

// ServiceAccount is where Kubernetes mounts the service account of a pod.
const ServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// maxConfig is how large a kubeconfig, token or certificate may be, in bytes.
const maxConfig = 4 << 20

// Open finds the API. It reads files, and sends nothing. Errors: exit code 64 or 65.
func (a Access) Open() (*Kubernetes, error) {
	switch {
	case a.Kubeconfig != "":
		return a.openKubeconfig()
	case a.Host != "":
		return a.openPod()
	}
	return nil, postgres.Usage("this is not a pod of Kubernetes, and no kubeconfig is given",
		"set KUBECONFIG or --kubeconfig, or run in a pod with a service account")
}

// openPod uses the service account of the pod.
func (a Access) openPod() (*Kubernetes, error) {
	names := []string{"token", "ca.crt"}
	if a.Namespace == "" {
		names = append(names, "namespace")
	}
	texts := map[string]string{}
	for _, name := range names {
		path := filepath.Join(a.ServiceAccount, name)
		content, err := file.Read(path, maxConfig)
		if texts[name] = strings.TrimSpace(string(content)); err == nil && texts[name] == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return nil, unreadable(fmt.Sprintf("the pod has no usable service account: %s: %s", path, file.Reason(err)),
				"remove automountServiceAccountToken: false, or set KUBECONFIG")
		}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := trust(config, filepath.Join(a.ServiceAccount, "ca.crt"), []byte(texts["ca.crt"])); err != nil {
		return nil, err
	}
	server := "https://" + net.JoinHostPort(a.Host, cmp.Or(a.Port, "443"))
	return connect(server, cmp.Or(a.Namespace, texts["namespace"]), texts["token"], config)
}

// trust accepts a server with a certificate of these authorities.
func trust(config *tls.Config, origin string, authorities []byte) error {
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(authorities) {
		return unreadable(origin+" contains no certificate", "")
	}
	return nil
}

// kubeconfig is a kubeconfig, as far as it is understood.
type kubeconfig struct {
	CurrentContext            string `yaml:"current-context"`
	Contexts, Clusters, Users []entry
}

// entry is a named context, cluster or user. What changes who asks, and is not supported, exists to be refused.
type entry struct {
	Name    string
	Context struct{ Cluster, User, Namespace string }
	Cluster struct {
		Server        string
		Authority     string `yaml:"certificate-authority"`
		AuthorityData string `yaml:"certificate-authority-data"`
		ServerName    string `yaml:"tls-server-name"`
		Insecure      bool   `yaml:"insecure-skip-tls-verify"`
		Proxy         string `yaml:"proxy-url"`
	}
	User struct {
		Token           string
		TokenFile       string `yaml:"tokenFile"`
		Certificate     string `yaml:"client-certificate"`
		CertificateData string `yaml:"client-certificate-data"`
		Key             string `yaml:"client-key"`
		KeyData         string `yaml:"client-key-data"`
		Username        string
		As              string
		Exec            map[string]any
		Provider        map[string]any `yaml:"auth-provider"`
	}
	directory string // relative paths begin there
}

// openKubeconfig uses the current context.
func (a Access) openKubeconfig() (*Kubernetes, error) {
	config, err := readKubeconfig(a.Kubeconfig)
	if err != nil {
		return nil, err
	}
	if config.CurrentContext == "" {
		return nil, unreadable("the kubeconfig has no current-context", chooseContext)
	}
	chosen, err := find(config.Contexts, "context", config.CurrentContext)
	to, toErr := find(config.Clusters, "cluster", chosen.Context.Cluster)
	// A context without a user has no credential.
	as, asErr := find(append(config.Users, entry{}), "user", chosen.Context.User)
	if err := cmp.Or(err, toErr, asErr, unsupported(to, as)); err != nil {
		return nil, err
	}
	settings, err := tlsConfig(to, as)
	if err != nil {
		return nil, err
	}
	token := []byte(as.User.Token)
	if as.User.TokenFile != "" { // wins, as for kubectl
		if token, err = as.content("tokenFile", "", as.User.TokenFile); err != nil {
			return nil, err
		}
	}
	namespace := cmp.Or(a.Namespace, chosen.Context.Namespace, "default")
	return connect(to.Cluster.Server, namespace, strings.TrimSpace(string(token)), settings)
}

// readKubeconfig reads the files of a list into one kubeconfig, in which the first entry of a name is the one that counts, as
// for kubectl. A file of several that does not exist is passed over.
func readKubeconfig(list string) (merged kubeconfig, err error) {
	read := 0
	for _, path := range filepath.SplitList(list) {
		if path == "" {
			continue
		}
		text, err := file.Read(path, maxConfig)
		if errors.Is(err, fs.ErrNotExist) && strings.ContainsRune(list, filepath.ListSeparator) {
			continue
		}
		if err != nil {
			return merged, unreadable(fmt.Sprintf("kubeconfig %q cannot be read: %s", path, file.Reason(err)),
				checkKubeconfig)
		}
		var config kubeconfig
		if yaml.Unmarshal(text, &config) != nil { // its error may quote a token
			return merged, unreadable(fmt.Sprintf("%q is not a kubeconfig", path), "run kubectl config view to see a valid one")
		}
		read++
		for _, entries := range [][]entry{config.Clusters, config.Users} {
			for i := range entries {
				entries[i].directory = filepath.Dir(path)
			}
		}
		merged.CurrentContext = cmp.Or(merged.CurrentContext, config.CurrentContext)
		merged.Contexts = append(merged.Contexts, config.Contexts...)
		merged.Clusters = append(merged.Clusters, config.Clusters...)
		merged.Users = append(merged.Users, config.Users...)
	}
	if read == 0 {
		return merged, unreadable(fmt.Sprintf("no file of KUBECONFIG exists: %q", list), checkKubeconfig)
	}
	return merged, nil
}

// Hints.
const (
	checkKubeconfig = "check KUBECONFIG or --kubeconfig"
	chooseContext   = "choose a context with kubectl config use-context, or correct it"
)

// find returns the first entry of a name.
func find(entries []entry, what, name string) (entry, error) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.Name == name })
	if i < 0 {
		return entry{}, unreadable(fmt.Sprintf("the kubeconfig has no %s %q, which it refers to", what, name), chooseContext)
	}
	return entries[i], nil
}

// unsupported names what would have to be obeyed, and is not understood.
func unsupported(to, as entry) error {
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"exec", as.User.Exec != nil},
		{"auth-provider", as.User.Provider != nil},
		{"username", as.User.Username != ""},
		{"as", as.User.As != ""},
		{"proxy-url", to.Cluster.Proxy != ""},
	} {
		if key.given {
			return unreadable(fmt.Sprintf("the kubeconfig uses %q, which is not supported", key.name),
				"use a kubeconfig with a token (kubectl create token), "+
					"or one for the server http://127.0.0.1:8001 while kubectl proxy runs")
		}
	}
	return nil
}

// tlsConfig is how the server is checked, and the client certificate, if there is one.
func tlsConfig(to, as entry) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: to.Cluster.ServerName,
		InsecureSkipVerify: to.Cluster.Insecure, //nolint:gosec // the kubeconfig says so
	}
	authorities, err := to.content("certificate-authority", to.Cluster.AuthorityData, to.Cluster.Authority)
	certificate, certificateErr := as.content("client-certificate", as.User.CertificateData, as.User.Certificate)
	key, keyErr := as.content("client-key", as.User.KeyData, as.User.Key)
	err = cmp.Or(err, certificateErr, keyErr)
	if err == nil && authorities != nil {
		err = trust(config, "certificate-authority of the kubeconfig", authorities)
	}
	if err != nil || certificate == nil && key == nil {
		return config, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, unreadable("client-certificate and client-key of the kubeconfig do not match, or one is missing",
			"create a new kubeconfig")
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// content is that of NAME-data, or of the file NAME; nil when neither is given.
func (e entry) content(name, data, path string) ([]byte, error) {
	if data == "" && path == "" {
		return nil, nil
	}
	if data != "" {
		content, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, unreadable(name+"-data of the kubeconfig is not base64", "")
		}
		return content, nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.directory, path)
	}
	content, err := file.Read(path, maxConfig)
	if err != nil {
		return nil, unreadable(fmt.Sprintf("%s of the kubeconfig cannot be read: %s", name, file.Reason(err)),
			"correct the path")
	}
	return content, nil
}

// connect makes the client. Redirects are not followed: the token stays with its host.
func connect(server, namespace, token string, config *tls.Config) (*Kubernetes, error) {
	address, err := url.Parse(server)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" || address.User != nil {
		return nil, unreadable("the server in the kubeconfig is not an address like https://HOST:PORT", "")
	}
	thisMachine := address.Hostname() == "localhost" || net.ParseIP(address.Hostname()).IsLoopback()
	if token != "" && address.Scheme == "http" && !thisMachine {
		return nil, unreadable("the kubeconfig would send a token to "+address.Host+" without TLS",
			"use https in the server of the kubeconfig")
	}
	if strings.ContainsAny(token, "\r\n") {
		return nil, unreadable("the token has several lines", "")
	}
	if strings.ContainsAny(namespace, "/.") {
		return nil, postgres.Usage(fmt.Sprintf("%q is not the name of a namespace", namespace),
			"give --namespace the one that Keep runs in")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	return &Kubernetes{Namespace: namespace, server: address, token: token, client: &http.Client{
		Timeout:       requestTimeout,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

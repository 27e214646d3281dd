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

func (a Access) openPod() (*Kubernetes, error) {
	token, err := a.ofPod("token")
	if err != nil {
		return nil, err
	}
	authority, err := a.ofPod("ca.crt")
	if err != nil {
		return nil, err
	}
	namespace := a.Namespace
	if namespace == "" {
		text, err := a.ofPod("namespace")
		if err != nil {
			return nil, err
		}
		namespace = text
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM([]byte(authority)) {
		return nil, unreadable(filepath.Join(a.ServiceAccount, "ca.crt")+" contains no certificate", "")
	}
	return connect("https://"+net.JoinHostPort(a.Host, cmp.Or(a.Port, "443")), namespace, token, config)
}

// ofPod reads a file of the service account.
func (a Access) ofPod(name string) (string, error) {
	path := filepath.Join(a.ServiceAccount, name)
	text, err := readText(path)
	if err == nil && text == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", unreadable(fmt.Sprintf("the pod has no usable service account: %s: %s", path, reason(err)),
			"remove automountServiceAccountToken: false, or set KUBECONFIG")
	}
	return text, nil
}

// readText reads a small file without the blanks around its text.
func readText(path string) (string, error) {
	text, err := file.Read(path, maxConfig)
	return strings.TrimSpace(string(text)), err
}

// kubeconfig is a kubeconfig, as far as it is understood. What changes who asks, and is not supported, exists to be refused.
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Contexts       []struct {
		Name    string `yaml:"name"`
		Context struct {
			Cluster   string `yaml:"cluster"`
			User      string `yaml:"user"`
			Namespace string `yaml:"namespace"`
		} `yaml:"context"`
	} `yaml:"contexts"`
	Clusters []namedCluster `yaml:"clusters"`
	Users    []namedUser    `yaml:"users"`
}

type namedCluster struct {
	Name    string  `yaml:"name"`
	Cluster cluster `yaml:"cluster"`
}

type namedUser struct {
	Name string `yaml:"name"`
	User user   `yaml:"user"`
}

type cluster struct {
	Server        string `yaml:"server"`
	Authority     string `yaml:"certificate-authority"`
	AuthorityData string `yaml:"certificate-authority-data"`
	ServerName    string `yaml:"tls-server-name"`
	Insecure      bool   `yaml:"insecure-skip-tls-verify"`
	Proxy         string `yaml:"proxy-url"`
	directory     string // relative paths begin there
}

type user struct {
	Token           string         `yaml:"token"`
	TokenFile       string         `yaml:"tokenFile"`
	Certificate     string         `yaml:"client-certificate"`
	CertificateData string         `yaml:"client-certificate-data"`
	Key             string         `yaml:"client-key"`
	KeyData         string         `yaml:"client-key-data"`
	Username        string         `yaml:"username"`
	As              string         `yaml:"as"`
	Exec            map[string]any `yaml:"exec"`
	Provider        map[string]any `yaml:"auth-provider"`
	directory       string
}

// openKubeconfig uses the current context.
func (a Access) openKubeconfig() (*Kubernetes, error) {
	merged, err := readKubeconfig(a.Kubeconfig)
	if err != nil {
		return nil, err
	}
	to, as, namespace, err := merged.choose()
	if err != nil {
		return nil, err
	}
	if err := unsupported(to, as); err != nil {
		return nil, err
	}
	config, err := to.tls()
	if err != nil {
		return nil, err
	}
	if err := as.addCertificate(config); err != nil {
		return nil, err
	}
	token := as.Token
	if as.TokenFile != "" { // wins, as for kubectl
		if token, err = readText(below(as.directory, as.TokenFile)); err != nil {
			return nil, unreadable("tokenFile of the kubeconfig cannot be read: "+reason(err), "correct the path")
		}
	}
	return connect(to.Server, cmp.Or(a.Namespace, namespace, "default"), token, config)
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
			return merged, unreadable(fmt.Sprintf("kubeconfig %q cannot be read: %s", path, reason(err)), "check KUBECONFIG or --kubeconfig")
		}
		var config kubeconfig
		if yaml.Unmarshal(text, &config) != nil { // its error may quote a token
			return merged, unreadable(fmt.Sprintf("%q is not a kubeconfig", path), "run kubectl config view to see a valid one")
		}
		read++
		for i := range config.Clusters {
			config.Clusters[i].Cluster.directory = filepath.Dir(path)
		}
		for i := range config.Users {
			config.Users[i].User.directory = filepath.Dir(path)
		}
		merged.CurrentContext = cmp.Or(merged.CurrentContext, config.CurrentContext)
		merged.Contexts = append(merged.Contexts, config.Contexts...)
		merged.Clusters = append(merged.Clusters, config.Clusters...)
		merged.Users = append(merged.Users, config.Users...)
	}
	if read == 0 {
		return merged, unreadable(fmt.Sprintf("no file of KUBECONFIG exists: %q", list), "check KUBECONFIG or --kubeconfig")
	}
	return merged, nil
}

// choose returns the cluster, the user and the namespace of the current context. A context without a user has no credential.
func (k *kubeconfig) choose() (to cluster, as user, namespace string, err error) {
	const hint = "choose a context with kubectl config use-context, or correct it"
	lacks := func(what, name string) error {
		return unreadable(fmt.Sprintf("the kubeconfig has no %s %q, which it refers to", what, name), hint)
	}
	if k.CurrentContext == "" {
		return to, as, "", unreadable("the kubeconfig has no current-context", hint)
	}
	for _, c := range k.Contexts {
		if c.Name != k.CurrentContext {
			continue
		}
		i := slices.IndexFunc(k.Clusters, func(n namedCluster) bool { return n.Name == c.Context.Cluster })
		if i < 0 {
			return to, as, "", lacks("cluster", c.Context.Cluster)
		}
		j := slices.IndexFunc(k.Users, func(n namedUser) bool { return n.Name == c.Context.User })
		if j >= 0 {
			as = k.Users[j].User
		} else if c.Context.User != "" {
			return to, as, "", lacks("user", c.Context.User)
		}
		return k.Clusters[i].Cluster, as, c.Context.Namespace, nil
	}
	return to, as, "", lacks("context", k.CurrentContext)
}

// unsupported names what would have to be obeyed, and is not understood.
func unsupported(to cluster, as user) error {
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"exec", as.Exec != nil}, {"auth-provider", as.Provider != nil}, {"username", as.Username != ""}, {"as", as.As != ""}, {"proxy-url", to.Proxy != ""},
	} {
		if key.given {
			return unreadable(fmt.Sprintf("the kubeconfig uses %q, which is not supported", key.name),
				"use a kubeconfig with a token (kubectl create token), or one for the server http://127.0.0.1:8001 while kubectl proxy runs")
		}
	}
	return nil
}

// tls is how the server is checked.
func (c cluster) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName, InsecureSkipVerify: c.Insecure} //nolint:gosec // the kubeconfig says so
	authority, err := material(c.directory, "certificate-authority", c.AuthorityData, c.Authority)
	if err != nil || authority == nil {
		return config, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		return nil, unreadable("certificate-authority of the kubeconfig contains no certificate", "")
	}
	return config, nil
}

// addCertificate adds the client certificate, if there is one.
func (u user) addCertificate(config *tls.Config) error {
	certificate, err := material(u.directory, "client-certificate", u.CertificateData, u.Certificate)
	if err != nil {
		return err
	}
	key, err := material(u.directory, "client-key", u.KeyData, u.Key)
	if err != nil || certificate == nil && key == nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return unreadable("client-certificate and client-key of the kubeconfig do not match, or one is missing", "create a new kubeconfig")
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

// material is the content of NAME-data, or of the file NAME; nil when neither is given.
func material(directory, name, data, path string) ([]byte, error) {
	switch {
	case data != "":
		content, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, unreadable(name+"-data of the kubeconfig is not base64", "")
		}
		return content, nil
	case path != "":
		content, err := file.Read(below(directory, path), maxConfig)
		if err != nil {
			return nil, unreadable(fmt.Sprintf("%s of the kubeconfig cannot be read: %s", name, reason(err)), "correct the path")
		}
		return content, nil
	}
	return nil, nil
}

func below(directory, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(directory, path)
}

// connect makes the client. Redirects are not followed: the token stays with its host.
func connect(server, namespace, token string, config *tls.Config) (*Kubernetes, error) {
	address, err := url.Parse(server)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" || address.User != nil {
		return nil, unreadable("the server in the kubeconfig is not an address like https://HOST:PORT", "")
	}
	if ip := net.ParseIP(address.Hostname()); token != "" && address.Scheme == "http" && address.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, unreadable("the kubeconfig would send a token to "+address.Host+" without TLS", "use https in the server of the kubeconfig")
	}
	if strings.ContainsAny(token, "\r\n") {
		return nil, unreadable("the token has several lines", "")
	}
	if strings.ContainsAny(namespace, "/.") {
		return nil, postgres.Usage(fmt.Sprintf("%q is not the name of a namespace", namespace), "give --namespace the one that Keep runs in")
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{}
	}
	transport = transport.Clone()
	transport.TLSClientConfig = config
	return &Kubernetes{
		Namespace: namespace, server: address, token: token,
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

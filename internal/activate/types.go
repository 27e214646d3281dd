package activate

import "strings"

// peculiarity is what an operator must know of the webhook of a provider type. From the classes of Keep; see docs/activate.md.
type peculiarity struct {
	// outside is what Keep creates in the outside system; %t stands for the tenant, %i for the id of the provider.
	outside string
	// swallows says that Keep answers 200 even when it has installed nothing: such an answer is "accepted", not "installed".
	swallows string
	// again is what a second call does beyond replacing what the first has made.
	again string
}

// Outside is what Keep creates in the outside system for the webhook of a provider; "" if its type has none.
func Outside(tenant, providerType, id string) string {
	return strings.NewReplacer("%t", tenant, "%i", id).Replace(peculiarities[providerType].outside)
}

// peculiarities has every type with a webhook.
var peculiarities = map[string]peculiarity{
	"appdynamics":     {outside: "an action and its policies", again: "address and key of an existing action are not updated: delete it in AppDynamics first"},
	"cloudwatch":      {outside: "a subscription of the SNS topic", again: "an unconfirmed subscription is created again"},
	"datadog":         {outside: "webhook integration keep-datadog-webhook-integration-%t, named in every monitor", again: "a changed key is not sent while the address is the same: delete the webhook in Datadog first"},
	"dynatrace":       {outside: "a problem notification that names the tenant", again: "each call creates another notification: delete the older one in Dynatrace"},
	"grafana":         {outside: "contact point keep-grafana-webhook-integration-%t and two routes"},
	"graylog":         {outside: "notification Keep-%i"},
	"incidentmanager": {outside: "a subscription of the SNS topic", swallows: "without response_plan_arn, Keep installs nothing and answers as if it had"},
	"kibana":          {outside: "connector keep-%t", swallows: "Keep answers like this even if Kibana refused"},
	"mailgun":         {outside: "a route, whose id Keep stores as route_id"},
	"newrelic":        {outside: "a destination, channel and workflow that name the tenant"},
	"openobserve":     {outside: "destination KeepDestination of the organisation", swallows: "Keep answers like this even if OpenObserve refused a part"},
	"pagerduty":       {outside: "a webhook subscription", swallows: "with routing_key, Keep installs nothing and answers as if it had"},
	"rollbar":         {outside: "the webhook of the project", again: "Keep sets the address and is then refused: create the rules in Rollbar"},
	"sentry":          {outside: "an address in the webhook plugin of each project", again: "a changed address is added: delete the older one in Sentry"},
	"signalfx":        {outside: "a webhook integration of the organisation, in every detector", swallows: "Keep answers like this even if email, password or org_id is missing, or SignalFx refused"},
	"site24x7":        {outside: "integration KeepWebhook", again: "each call creates another integration, or is refused: delete the older one in Site24x7 first"},
	"splunk":          {outside: "the webhook action of every saved search"},
	"statuscake":      {outside: "a contact group named after the provider's id"},
	"sumologic":       {outside: "a connection named after the provider's id"},
	"zabbix":          {outside: "a media type named after the provider's id"},
}

-- bootstrap.wanted_provider: the staged providers, with the secret and the digest that each will have. SHOWS SECRETS.
--
-- Keep rewrites some values by itself: templates, tokens that it refreshes, the address of a route. A mark, a keyed
-- digest, stands for such a value wherever it is compared or remembered: what Keep makes of it is no difference.
CREATE VIEW bootstrap.wanted_provider AS
SELECT w.position, w.name, w.type, w.authentication || w.marks AS authentication, w.marks, w.consumer, w.known,
       w.option ->> 'id' AS id, w.description, w.pulling,
       (w.option ->> 'prevent_delete')::boolean AS prevent_delete,
       coalesce((w.option ->> 'install_webhook')::boolean, false) AS install_webhook,
       w.option -> 'renamed_from' AS renamed_from,
       '{"authentication": ' || w.content || ', "name": ' || to_json(w.name)::text || '}' AS secret,
       bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
                         jsonb_build_array(w.name, w.type, true, w.authentication || w.marks, w.description,
                                           w.pulling)::text) AS digest
FROM (
    SELECT s.position, s.name, s.type, s.content, o.authentication, y.consumer,
           CASE WHEN s.content LIKE '%"{' || '{%' OR s.type IN ('datadog', 'mailgun', 'pagerduty') THEN (
               SELECT coalesce(jsonb_object_agg(e.key, encode(bootstrap._digest(
                          (SELECT g.digest_key FROM bootstrap.setting AS g), e.value), 'hex')), '{}')
               FROM jsonb_each_text(o.authentication) AS e
               WHERE e.value ~ '^[{]{2}.*[}]{2}$'
                  OR (s.type, e.key) IN (('datadog', 'oauth_token'), ('mailgun', 'email'), ('pagerduty', 'oauth_data')))
               ELSE '{}' END AS marks,
           CASE WHEN s.type IN ('bigquery', 'mailgun') THEN '{}' ELSE coalesce(y.secret || y.plain, '{}') END AS known,
           o.option, o.option ->> 'description' AS description,
           (o.option ->> 'pulling_enabled')::boolean AS pulling
    FROM bootstrap._staged('provider') AS s
    CROSS JOIN LATERAL (SELECT s.content::jsonb AS authentication, s.options::jsonb AS option OFFSET 0) AS o
    LEFT JOIN bootstrap.provider_type AS y ON y.type = s.type
    OFFSET 0
) AS w
OFFSET 0;
COMMENT ON VIEW bootstrap.wanted_provider IS
'The staged providers, with the secret and the digest that each will have.';

-- bootstrap.wanted_provider: the staged providers, with the secret and the digest that each will have. SHOWS SECRETS.
CREATE VIEW bootstrap.wanted_provider AS
SELECT w.position, w.name, w.type, w.authentication, w.consumer, w.known, w.option ->> 'id' AS id, w.description,
       w.pulling,
       (w.option ->> 'prevent_delete')::boolean AS prevent_delete,
       coalesce((w.option ->> 'install_webhook')::boolean, false) AS install_webhook,
       w.option -> 'renamed_from' AS renamed_from,
       '{"authentication": ' || w.content || ', "name": ' || to_json(w.name)::text || '}' AS secret,
       bootstrap._digest((SELECT g.digest_key FROM bootstrap.setting AS g),
                         jsonb_build_array(w.name, w.type, true, w.authentication, w.description,
                                           w.pulling)::text) AS digest
FROM (
    SELECT s.position, s.name, s.type, s.content, s.content::jsonb AS authentication, y.consumer,
           coalesce(y.secret || y.plain, '{}') AS known, o.option, o.option ->> 'description' AS description,
           (o.option ->> 'pulling_enabled')::boolean AS pulling
    FROM bootstrap._staged('provider') AS s
    CROSS JOIN LATERAL (SELECT s.options::jsonb AS option OFFSET 0) AS o -- parsed once
    LEFT JOIN bootstrap.provider_type AS y ON y.type = s.type
    OFFSET 0
) AS w
OFFSET 0;
COMMENT ON VIEW bootstrap.wanted_provider IS
'The staged providers, with the secret and the digest that each is to have.';

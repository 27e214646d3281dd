-- The tables of Keep that provisioning needs, for --create-tables and the local database only. Names, types and constraints are
-- those of Keep's schema revision 67ff7efffed4. Once these tables exist, Keep's own first migration fails.

CREATE TABLE public.tenant (
    configuration json,
    id character varying NOT NULL,
    name character varying NOT NULL,
    CONSTRAINT tenant_pkey PRIMARY KEY (id)
);
CREATE TABLE public."user" (
    id serial NOT NULL,
    tenant_id character varying NOT NULL,
    username character varying NOT NULL,
    password_hash character varying NOT NULL,
    role character varying NOT NULL,
    last_sign_in timestamp without time zone,
    created_at timestamp without time zone NOT NULL,
    CONSTRAINT user_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_user_username ON public."user" USING btree (username);
CREATE TABLE public.secret (
    key character varying NOT NULL,
    value character varying NOT NULL,
    last_updated timestamp without time zone NOT NULL,
    CONSTRAINT secret_pkey PRIMARY KEY (key)
);
CREATE TABLE public.tenantapikey (
    tenant_id character varying NOT NULL,
    reference_id character varying NOT NULL,
    key_hash character varying NOT NULL,
    is_system boolean NOT NULL,
    is_deleted boolean NOT NULL,
    system_description character varying,
    created_by character varying NOT NULL,
    role character varying NOT NULL,
    created_at timestamp without time zone NOT NULL,
    last_used character varying,
    CONSTRAINT tenantapikey_pkey PRIMARY KEY (key_hash),
    CONSTRAINT tenantapikey_tenant_id_reference_id_key UNIQUE (tenant_id, reference_id),
    CONSTRAINT unique_tenant_to_reference UNIQUE (tenant_id, reference_id)
);
CREATE TABLE public.provider (
    "validatedScopes" json,
    id character varying NOT NULL,
    tenant_id character varying NOT NULL,
    name character varying NOT NULL,
    description character varying,
    type character varying NOT NULL,
    installed_by character varying NOT NULL,
    installation_time timestamp without time zone NOT NULL,
    configuration_key character varying NOT NULL,
    consumer boolean NOT NULL,
    last_pull_time timestamp without time zone,
    provisioned boolean DEFAULT false NOT NULL,
    pulling_enabled boolean DEFAULT true NOT NULL,
    provider_metadata json,
    CONSTRAINT provider_pkey PRIMARY KEY (id),
    CONSTRAINT provider_tenant_id_name_key UNIQUE (tenant_id, name)
);
CREATE TABLE public.providerexecutionlog (
    log_message text,
    context json,
    id character varying NOT NULL,
    tenant_id character varying NOT NULL,
    provider_id character varying,
    "timestamp" timestamp without time zone NOT NULL,
    log_level character varying NOT NULL,
    execution_id character varying,
    CONSTRAINT providerexecutionlog_pkey PRIMARY KEY (id)
);
CREATE INDEX idx_provider_logs_tenant_provider ON public.providerexecutionlog USING btree (tenant_id, provider_id);
CREATE INDEX idx_provider_logs_timestamp ON public.providerexecutionlog USING btree ("timestamp");
CREATE TABLE public.alertdeduplicationrule (
    fingerprint_fields json,
    ignore_fields json,
    id uuid NOT NULL,
    tenant_id character varying NOT NULL,
    name character varying NOT NULL,
    description character varying NOT NULL,
    provider_id character varying,
    provider_type character varying NOT NULL,
    last_updated timestamp without time zone NOT NULL,
    last_updated_by character varying NOT NULL,
    created_at timestamp without time zone NOT NULL,
    created_by character varying NOT NULL,
    enabled boolean NOT NULL,
    full_deduplication boolean NOT NULL,
    priority integer NOT NULL,
    is_provisioned boolean NOT NULL,
    CONSTRAINT alertdeduplicationrule_pkey PRIMARY KEY (id)
);
CREATE INDEX ix_alertdeduplicationrule_name ON public.alertdeduplicationrule USING btree (name);
CREATE TABLE public.workflow (
    name text,
    created_by text,
    workflow_raw text,
    id character varying NOT NULL,
    tenant_id character varying NOT NULL,
    description character varying,
    updated_by character varying,
    creation_time timestamp without time zone NOT NULL,
    "interval" integer,
    is_deleted boolean NOT NULL,
    revision integer NOT NULL,
    last_updated timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    is_disabled boolean DEFAULT false NOT NULL,
    provisioned boolean DEFAULT false NOT NULL,
    provisioned_file character varying,
    is_test boolean DEFAULT false NOT NULL,
    CONSTRAINT workflow_pkey PRIMARY KEY (id)
);
CREATE TABLE public.workflowversion (
    workflow_id character varying NOT NULL,
    revision integer NOT NULL,
    workflow_raw text,
    updated_by character varying NOT NULL,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    is_valid boolean NOT NULL,
    is_current boolean NOT NULL,
    comment character varying,
    CONSTRAINT workflowversion_pkey PRIMARY KEY (workflow_id, revision)
);
CREATE TABLE public.dashboard (
    dashboard_config json,
    id character varying NOT NULL,
    tenant_id character varying NOT NULL,
    dashboard_name character varying NOT NULL,
    created_by character varying,
    created_at timestamp without time zone NOT NULL,
    updated_by character varying,
    updated_at timestamp without time zone NOT NULL,
    is_active boolean NOT NULL,
    is_private boolean NOT NULL,
    CONSTRAINT dashboard_pkey PRIMARY KEY (id),
    CONSTRAINT unique_dashboard_name_per_tenant UNIQUE (tenant_id, dashboard_name)
);
CREATE INDEX ix_dashboard_dashboard_name ON public.dashboard USING btree (dashboard_name);
CREATE TABLE public.mappingrule (
    matchers json,
    "rows" json,
    id serial NOT NULL,
    tenant_id character varying NOT NULL,
    priority integer NOT NULL,
    name character varying(255) NOT NULL,
    description character varying(2048),
    file_name character varying(255),
    created_by character varying(255),
    created_at timestamp without time zone NOT NULL,
    disabled boolean NOT NULL,
    override boolean NOT NULL,
    "condition" character varying(2000),
    updated_by character varying(255),
    last_updated_at timestamp without time zone NOT NULL,
    type character varying DEFAULT 'csv'::character varying NOT NULL,
    is_multi_level boolean DEFAULT false NOT NULL,
    new_property_name character varying(255),
    prefix_to_remove character varying(255),
    is_provisioned boolean DEFAULT false NOT NULL,
    provisioned_file character varying,
    CONSTRAINT mappingrule_pkey PRIMARY KEY (id)
);
ALTER TABLE public.tenantapikey ADD CONSTRAINT tenantapikey_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);
ALTER TABLE public.provider ADD CONSTRAINT provider_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);
ALTER TABLE public.providerexecutionlog ADD CONSTRAINT providerexecutionlog_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(id) ON DELETE CASCADE;
ALTER TABLE public.providerexecutionlog ADD CONSTRAINT providerexecutionlog_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);
ALTER TABLE public.alertdeduplicationrule ADD CONSTRAINT alertdeduplicationrule_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);
ALTER TABLE public.workflow ADD CONSTRAINT workflow_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);
ALTER TABLE public.workflowversion ADD CONSTRAINT workflowversion_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflow(id);
ALTER TABLE public.dashboard ADD CONSTRAINT dashboard_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);
ALTER TABLE public.mappingrule ADD CONSTRAINT mappingrule_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenant(id);


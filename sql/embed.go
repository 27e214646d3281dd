// Package sqlfiles carries the SQL that the program ships: the tern migrations and the routines that they install. It lives
// next to the files because go:embed cannot reach a parent folder.
package sqlfiles

import "embed"

// Files holds the migrations, migrations/NNN_name.sql, and the routines that migration 002 installs, functions/*.sql. The first
// release will freeze a copy of them.
//
//go:embed migrations/*.sql all:functions
var Files embed.FS

// Guard is the statement that is sent before anything of schema bootstrap is read or called.
//
//go:embed guard.sql
var Guard string

// WriteSecrets is the statement of import-secrets that writes what the query FindSecrets found.
//
//go:embed write-secrets.sql
var WriteSecrets string

// KeepTables creates the tables of Keep that provisioning needs, where none of them exists.
//
//go:embed keep-tables.sql
var KeepTables string

// ProviderTypes is the catalogue of the provider types that Keep knows, as JSON. Migration 003 is generated from it.
//
//go:embed catalogue/provider-types.json
var ProviderTypes []byte

// FieldKinds says what each kind of authentication field accepts, as JSON.
//
//go:embed catalogue/field-kinds.json
var FieldKinds []byte

// Roles is the script for psql that makes the roles runner and auditor.
//
//go:embed roles.sql
var Roles string

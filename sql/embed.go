// Package sqlfiles carries the SQL that the program ships: the tern migrations with the frozen routines that they
// install. It lives beside the files because go:embed cannot reach a parent folder.
package sqlfiles

import "embed"

// Migrations holds sql/migrations: NNN_name.sql and, below snapshots/, the frozen copies of sql/functions.
//
//go:embed all:migrations
var Migrations embed.FS

// ProviderTypes is the catalogue of the provider types that Keep knows, as JSON. Migration 003 is generated from it.
//
//go:embed catalogue/provider-types.json
var ProviderTypes []byte

// FieldKinds says what each kind of authentication field accepts, as JSON.
//
//go:embed catalogue/field-kinds.json
var FieldKinds []byte

// Roles is the script for psql that makes the roles runner and auditor and sets mode definer.
//
//go:embed roles.sql
var Roles string

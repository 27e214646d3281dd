package catalogue

//go:generate go run keep-bootstrap/tools/genschema ../../schema/manifest.base.json ../../schema/manifest.schema.json

package catalogue

//go:generate go run keep-bootstrap/internal/genschema ../../schema/manifest.schema.json

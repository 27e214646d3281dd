package sqlfiles

// go generate ./... writes all that is generated without a database. What sqlc made earlier is removed first, because it
// leaves the output of a query file that is gone; sqlc compile before it keeps the old output when the SQL is broken.

//go:generate go run keep-bootstrap/tools/gencatalogue .
//go:generate env CGO_ENABLED=0 go tool -modfile=../tools/sqlc/go.mod sqlc compile --file ../sqlc.yaml
//go:generate sh -c "rm -f ../internal/db/*.go"
//go:generate env CGO_ENABLED=0 go tool -modfile=../tools/sqlc/go.mod sqlc generate --file ../sqlc.yaml

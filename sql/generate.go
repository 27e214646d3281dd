package sqlfiles

// go generate ./... writes all that is generated without a database. Earlier output of sqlc is removed first, because sqlc
// keeps the output of a deleted query file; sqlc compile runs before that, to keep the old output if the SQL is broken.

//go:generate go run keep-bootstrap/tools/gencatalogue .
//go:generate env CGO_ENABLED=0 go tool -modfile=../tools/sqlc/go.mod sqlc compile --file ../sqlc.yaml
//go:generate sh -c "rm -f ../internal/db/*.go"
//go:generate env CGO_ENABLED=0 go tool -modfile=../tools/sqlc/go.mod sqlc generate --file ../sqlc.yaml

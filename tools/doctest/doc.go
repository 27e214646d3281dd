// Package doctest executes the documentation: its tests run the commands of the README and of pages of docs in order, on real
// databases, and compare what they print with what the page shows. A block that no test executes is listed with the reason.
//
// The blocks of a page say what they are after the language of the fence, where no renderer shows it:
//
//	```sh run            is run by bash; exported variables and the working directory's files last to the end of the page
//	```sql run           is run by psql, one session a block
//	```sh run exit=2     ends with this exit code, not with 0
//	```sh run needs=jq   is left out if there is no such program
//	```yaml file=a.yaml  is written into the working directory; also possible with sh run and sql run
//	```text output       is what the block before it prints. A line "..." stands for any lines
//
// A comment `<!-- test: database=keep -->` begins a new database: keep (Keep's tables), installed (examples/providers.yaml is
// also installed) or empty.
//
// `go test ./tools/doctest -update` writes what the commands print into the pages, except for outputs with "...".
package doctest

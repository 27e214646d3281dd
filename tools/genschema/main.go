// Command genschema writes the JSON Schema of the manifest, for editors, from its hand-written base and the catalogue of
// provider types. Run it through go generate ./...
package main

import (
	"fmt"
	"os"

	"keep-bootstrap/internal/catalogue"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: genschema BASE FILE")
		os.Exit(64)
	}
	base, err := os.ReadFile(os.Args[1])
	var text []byte
	if err == nil {
		text, err = generate(base, catalogue.BuiltIn())
	}
	if err == nil {
		err = os.WriteFile(os.Args[2], text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "genschema:", err)
		os.Exit(1)
	}
}

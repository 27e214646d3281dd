// Command genschema writes the JSON Schema of the manifest, for editors, from the catalogue of provider types. Run it
// through go generate ./...
package main

import (
	"fmt"
	"os"

	"keep-bootstrap/internal/catalogue"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: genschema FILE")
		os.Exit(64)
	}
	text, err := generate(catalogue.BuiltIn())
	if err == nil {
		err = os.WriteFile(os.Args[1], text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "genschema:", err)
		os.Exit(1)
	}
}

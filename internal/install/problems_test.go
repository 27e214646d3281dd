package install_test

import (
	"errors"

	"keep-bootstrap/internal/manifest"
)

func problemsOf(err error) *manifest.Problems {
	problems, _ := errors.AsType[*manifest.Problems](err)
	return problems
}

//go:build deploy

// Package deploy holds what keep-bootstrap is deployed with: the image, the chart, values for Keep's own chart and a fleet.
// Its tests run them, with the build tag deploy, because they need the built image (make test-image, make chart-check).
package deploy

import (
	"testing"

	"keep-bootstrap/test/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const newestKeep = pgtest.NewestKeep

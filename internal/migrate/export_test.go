package migrate

import "time"

func init() { retryFor = time.Second }

// Failure is failure.
var Failure = failure

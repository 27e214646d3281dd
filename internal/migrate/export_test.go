package migrate

import "time"

func init() { retryFor = time.Second }

// Place is place.
var Place = place

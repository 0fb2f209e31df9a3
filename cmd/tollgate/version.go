package main

import (
	"fmt"
	"runtime"
)

// version is the release.
const version = "0.1.0"

// product names the program in SIP messages.
const product = "Tollgate/" + version

func versionText() string {
	return fmt.Sprintf("tollgate %s (%s %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

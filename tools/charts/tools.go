//go:build tools

package main

// Their charts travel in these modules.
import (
	_ "github.com/NVIDIA/k8s-device-plugin/api/config/v1"
	_ "sigs.k8s.io/lws/api/leaderworkerset/v1"
)

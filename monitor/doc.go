// Package monitor serves what a monitoring system asks for: Prometheus metrics on /metrics, and on /healthz and /readyz
// whether the process serves and whether the gatekeeper takes calls. README.md lists the metrics.
//
// Nothing is counted here but changes of state and reloads: a scrape reads the counters of the parts that own them. Labels
// have values from the configuration only, never from a call, and every series is there from the first scrape on.
package monitor

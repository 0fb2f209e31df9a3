package monitor

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// own is what nobody else counts.
type own struct {
	mu    sync.Mutex
	state map[string]uint64 // changes by instance

	build      *prometheus.GaugeVec
	reloads    *prometheus.CounterVec
	lastReload prometheus.Gauge
}

func newOwn(version string) *own {
	o := &own{
		state: map[string]uint64{},
		build: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "build_info", Help: "1, with the versions of the program and of Go.",
		}, []string{"version", "goversion"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "config_reloads_total", Help: "Reloads of the configuration.",
		}, []string{"result"}),
		lastReload: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "config_last_reload_success_timestamp_seconds",
			Help: "When the configuration in force was read, in Unix time.",
		}),
	}
	o.build.WithLabelValues(version, runtime.Version()).Set(1)
	o.reloads.WithLabelValues("ok")
	o.reloads.WithLabelValues("failed")
	o.lastReload.Set(float64(time.Now().UnixMilli()) / 1e3)
	return o
}

func (o *own) changed(instance string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state[instance]++
}

func (o *own) changes(instance string) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state[instance]
}

func (o *own) reloaded(ok bool) {
	if !ok {
		o.reloads.WithLabelValues("failed").Inc()
		return
	}
	o.reloads.WithLabelValues("ok").Inc()
	o.lastReload.Set(float64(time.Now().UnixMilli()) / 1e3)
}

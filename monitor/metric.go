package monitor

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "tollgate"

// metric is one number of a snapshot of type T.
type metric[T any] struct {
	desc  *prometheus.Desc
	typ   prometheus.ValueType
	value func(*T) float64
}

func gauge[T any](name, help string, labels []string, value func(*T) float64) metric[T] {
	return metric[T]{prometheus.NewDesc(namespace+"_"+name, help, labels, nil), prometheus.GaugeValue, value}
}

// counter makes a counter; name is without _total.
func counter[T any](name, help string, labels []string, value func(*T) uint64) metric[T] {
	return metric[T]{
		prometheus.NewDesc(namespace+"_"+name+"_total", help, labels, nil), prometheus.CounterValue,
		func(t *T) float64 { return float64(value(t)) },
	}
}

func describe[T any](out chan<- *prometheus.Desc, metrics []metric[T]) {
	for i := range metrics {
		out <- metrics[i].desc
	}
}

// collect sends all numbers of a snapshot.
func collect[T any](out chan<- prometheus.Metric, metrics []metric[T], from *T, labels ...string) {
	for i := range metrics {
		send(out, metrics[i].desc, metrics[i].typ, metrics[i].value(from), labels...)
	}
}

// send sends one number. An operator may have written anything into a label's value; one that is no UTF-8 would spoil the
// whole scrape.
func send(out chan<- prometheus.Metric, desc *prometheus.Desc, typ prometheus.ValueType, value float64, labels ...string) {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "?")
	}
	m, err := prometheus.NewConstMetric(desc, typ, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	out <- m
}

func bit(set bool) float64 {
	if set {
		return 1
	}
	return 0
}

package monitor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"tollgate/acctstack"
	"tollgate/radius"
)

// collector gives the numbers of the sources. It keeps none.
type collector struct {
	sources Sources
	own     *own
	now     func() time.Time

	calls        []metric[Calls]
	datagrams    []metric[Datagrams]
	instances    []metric[acctstack.Status]
	keeping      []metric[Keeping]
	journal      []metric[Journal]
	radius       []metric[radius.ServerStats]
	radiusClient []metric[RADIUS]
	free         []metric[int64]
	traffic      *traffic
	state        *prometheus.Desc
	changes      *prometheus.Desc
	oldest       *prometheus.Desc
}

func newCollector(sources Sources, o *own) *collector {
	instance := []string{"instance"}
	return &collector{
		sources: sources, own: o, now: time.Now,
		calls: callMetrics(), datagrams: datagramMetrics(), instances: instanceMetrics(), keeping: keepingMetrics(),
		traffic: newTraffic(sources), journal: journalMetrics(), radius: radiusMetrics(), radiusClient: radiusClientMetrics(), free: freeMetrics(),
		state:   prometheus.NewDesc(namespace+"_instance_state", "1 for the state that the instance is in, else 0.", []string{"instance", "state"}, nil),
		changes: prometheus.NewDesc(namespace+"_instance_state_changes_total", "Changes of the instance's state.", instance, nil),
		oldest: prometheus.NewDesc(namespace+"_backlog_oldest_age_seconds",
			"How long ago the oldest event that is kept for the instance happened; 0 if there is none.", instance, nil),
	}
}

// Describe names every metric that Collect may send.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	describe(out, c.calls)
	describe(out, c.datagrams)
	c.traffic.Describe(out)
	describe(out, c.instances)
	describe(out, c.keeping)
	describe(out, c.journal)
	describe(out, c.radius)
	describe(out, c.radiusClient)
	describe(out, c.free)
	out <- c.state
	out <- c.changes
	out <- c.oldest
}

// Collect reads the sources.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	if c.sources.Calls != nil {
		calls := c.sources.Calls()
		collect(out, c.calls, &calls)
	}
	if c.sources.Datagrams != nil {
		datagrams := c.sources.Datagrams()
		collect(out, c.datagrams, &datagrams)
	}
	c.traffic.Collect(out)
	if c.sources.Journal != nil {
		journal := c.sources.Journal()
		collect(out, c.journal, &journal)
	}
	if free, ok := freeBytes(c.sources.StateDir); ok {
		collect(out, c.free, &free)
	}
	if c.sources.Instances != nil {
		c.collectInstances(out)
	}
	if c.sources.RADIUS != nil {
		c.collectRADIUS(out)
	}
}

// collectInstances sends each name once, whatever the source says: a series that comes twice would spoil the scrape.
func (c *collector) collectInstances(out chan<- prometheus.Metric) {
	kept := map[string]Keeping{}
	if c.sources.Keeping != nil {
		for _, k := range c.sources.Keeping() {
			kept[k.Instance] = k
		}
	}
	sent := map[string]bool{}
	for _, s := range c.sources.Instances.Statuses() {
		if sent[s.Instance] {
			continue
		}
		sent[s.Instance] = true
		collect(out, c.instances, &s, s.Instance)
		if c.sources.Keeping != nil {
			k := kept[s.Instance]
			collect(out, c.keeping, &k, s.Instance)
		}
		for _, state := range [...]acctstack.State{acctstack.Up, acctstack.Down, acctstack.Draining} {
			send(out, c.state, prometheus.GaugeValue, bit(s.State == state), s.Instance, state.String())
		}
		send(out, c.changes, prometheus.CounterValue, float64(c.own.changes(s.Instance)), s.Instance)
		age := 0.0
		if !s.Oldest.IsZero() {
			age = max(c.now().Sub(s.Oldest).Seconds(), 0)
		}
		send(out, c.oldest, prometheus.GaugeValue, age, s.Instance)
	}
}

func (c *collector) collectRADIUS(out chan<- prometheus.Metric) {
	type client struct{ instance, server string }
	sent := map[client]bool{}
	for _, r := range c.sources.RADIUS() {
		if sent[client{r.Instance, ""}] {
			continue
		}
		sent[client{r.Instance, ""}] = true
		collect(out, c.radiusClient, &r, r.Instance)
		for _, s := range r.Servers {
			if at := (client{r.Instance, s.Server}); !sent[at] {
				sent[at] = true
				collect(out, c.radius, &s, r.Instance, s.Server)
			}
		}
	}
}

// freeBytes is what the file system of a directory has left for this process.
func freeBytes(dir string) (int64, bool) {
	var st unix.Statfs_t
	if dir == "" || unix.Statfs(dir, &st) != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}

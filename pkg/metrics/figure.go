package metrics

import "github.com/prometheus/client_golang/prometheus"

// Figure is one number that is asked for when it is wanted.
type Figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// Gauge describes a number that goes up and down, in a base unit that its name ends with.
func Gauge(name, help string) Figure { return figure(name, help, prometheus.GaugeValue) }

// Counter describes a number that only grows; its name ends with _total.
func Counter(name, help string) Figure { return figure(name, help, prometheus.CounterValue) }

func figure(name, help string, kind prometheus.ValueType) Figure {
	return Figure{prometheus.NewDesc("seccam_"+name, help, nil, nil), kind}
}

// Is gives the figure its value.
func (f Figure) Is(value float64) prometheus.Metric {
	return prometheus.MustNewConstMetric(f.desc, f.kind, value)
}

// Collector makes one of a function that returns all figures of a part, always the same ones.
type Collector func() []prometheus.Metric

// Describe implements prometheus.Collector.
func (c Collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c Collector) Collect(out chan<- prometheus.Metric) {
	for _, metric := range c() {
		out <- metric
	}
}

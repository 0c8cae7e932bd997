// Builds promtool for the tests of the alert rules; see build.sh.
module promtool.test

go 1.26.8

require github.com/prometheus/prometheus v0.316.0

// Package conformance runs the official conformance suite of the Gateway API against the controller and the simulated AWS,
// whose load balancers carry traffic. The harness (tests/harness, binary conformance) starts everything and this.
package conformance

import (
	"context"
	"flag"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/yaml"
)

var (
	dns    = flag.String("dns", "", "address of the DNS server that knows the load balancers")
	run    = flag.String("tests", "", "comma-separated short names: run these tests alone")
	report = flag.String("report", "", "file for the report")
)

func TestConformance(t *testing.T) {
	// Whatever the suite resolves, it resolves as a client of the load balancers would.
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", *dns)
	}}
	options := conformance.DefaultOptions(t)
	chosen := tests.ConformanceTests
	if *run != "" {
		names := strings.Split(*run, ",")
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(test suite.ConformanceTest) bool {
			return !slices.Contains(names, test.ShortName)
		})
		if len(chosen) != len(names) {
			t.Fatalf("only %d of %v exist", len(chosen), names)
		}
	}
	s, err := suite.NewConformanceTestSuite(options)
	if err != nil {
		t.Fatal(err)
	}
	// Parallel tests end after this function, and before this.
	t.Cleanup(func() { write(t, s) })
	s.Setup(t, chosen)
	if err := s.Run(t, chosen); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, s *suite.ConformanceTestSuite) {
	found, err := s.Report()
	if err != nil {
		t.Error(err)
		return
	}
	text, err := yaml.Marshal(found)
	if err == nil && *report != "" {
		err = os.WriteFile(*report, text, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

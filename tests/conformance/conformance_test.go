// Package conformance runs the official conformance suite of the Gateway API against the controller and the simulated AWS,
// whose load balancers carry traffic. The harness (tests/harness, binary conformance) starts everything and this.
package conformance

import (
	"context"
	"flag"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
	"sigs.k8s.io/yaml"
)

var (
	dns    = flag.String("dns", "", "address of the DNS server that knows the load balancers")
	run    = flag.String("tests", "", "comma-separated short names: run these tests alone")
	report = flag.String("report", "", "file for the report")
	layer4 = flag.Bool("layer4", false, "leave out the suite's own Gateways, which are of HTTP, and run only the tests of TCPRoute, TLSRoute and UDPRoute")
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
	if *layer4 {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(test suite.ConformanceTest) bool {
			return !slices.ContainsFunc(test.Features, func(feature features.FeatureName) bool {
				return slices.Contains([]features.FeatureName{features.SupportTCPRoute, features.SupportTLSRoute, features.SupportUDPRoute}, feature)
			})
		})
		options.BaseManifests = "base/without-gateways.yaml"
		options.ManifestFS = append(options.ManifestFS, fstest.MapFS{options.BaseManifests: {Data: withoutGateways(t)}})
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

// withoutGateways returns what the suite creates before its tests, less its Gateways.
func withoutGateways(t *testing.T) []byte {
	all, err := fs.ReadFile(&conformance.Manifests, "base/manifests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rest []string
	for _, object := range strings.Split(string(all), "\n---\n") {
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(object), &head); err != nil {
			t.Fatal(err)
		}
		if head.Kind != "" && head.Kind != "Gateway" {
			rest = append(rest, object)
		}
	}
	return []byte(strings.Join(rest, "\n---\n"))
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

package metrics

import (
	"slices"
	"strconv"

	"rootwalk/wire"
)

// This file shows what validation does and costs.

// reasons are the extended errors that a verdict may have.
var reasons = []wire.EDE{0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 22, 23, 25, 27}

// validation shows the numbers of DNSSEC.
func (c *collector) validation(count func(string, uint64, ...string), gauge func(string, float64, ...string)) {
	v, f := c.r.Validation()
	count("dnssec_verdicts_total", v.Secure, "secure")
	count("dnssec_verdicts_total", v.Insecure, "insecure")
	count("dnssec_verdicts_total", v.Bogus, "bogus")
	count("dnssec_verdicts_total", v.Indeterminate, "indeterminate")
	other := uint64(0)
	for e, n := range v.Reasons {
		if !slices.Contains(reasons, e) {
			other += n
		}
	}
	for _, e := range reasons {
		count("dnssec_reasons_total", v.Reasons[e], strconv.Itoa(int(e)))
	}
	count("dnssec_reasons_total", other, "other")
	count("dnssec_signature_checks_total", v.Signatures-v.FailedSignatures, "good")
	count("dnssec_signature_checks_total", v.FailedSignatures, "failed")
	count("dnssec_nsec3_hashes_total", v.Hashes)
	gauge("dnssec_zones", float64(v.Zones))
	gauge("dnssec_zones_bytes", float64(v.ZoneBytes))
	for state, n := range f.States {
		gauge("dnssec_trust_anchors", float64(n), state)
	}
	count("dnssec_trust_anchor_refreshes_total", f.Refreshes, "good")
	count("dnssec_trust_anchor_refreshes_total", f.Failures, "failed")
}

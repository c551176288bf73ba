"""Results: requirements, measurements, findings, assessments and the policy; no torch."""

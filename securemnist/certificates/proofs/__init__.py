"""Branch and bound: proofs and counterexamples for samples that bounds alone leave open."""

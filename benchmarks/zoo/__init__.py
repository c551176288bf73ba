"""Zoo: small networks with and without backdoors, to measure the scan for backdoors on."""

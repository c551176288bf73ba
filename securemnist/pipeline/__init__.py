"""The pipeline of `securemnist demo --pipeline`: three networks trained, attacked, poisoned and timed.

Networks are kept in a cache; every number comes from a measure that a policy can require.
"""

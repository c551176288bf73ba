"""Single operations of a network: interval bounds, and linear bounds propagated backward through them."""

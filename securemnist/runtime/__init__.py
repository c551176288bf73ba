"""Context managers for process state during a measurement: float arithmetic, denormals, the model."""

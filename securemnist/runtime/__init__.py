"""Process state that a measurement holds and puts back: float arithmetic, denormals, the model."""

"""Answers of a model to images that differ from known ones in one rectangle.

A convolution, a pooling and a function of single activations change only near the pixels that changed.
So only those parts of the activations are computed again.
"""

from securemnist.incremental.forward import IncrementalForward
from securemnist.incremental.rectangle import Rectangle

__all__ = ["IncrementalForward", "Rectangle"]

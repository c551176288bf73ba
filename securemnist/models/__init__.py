"""Models: architectures, wrappers, loading by SPEC, files, digests and the model contract."""

from securemnist.models.architectures import ARCHITECTURES, build
from securemnist.models.loading import load
from securemnist.models.wrappers import (
    binary_sigmoid,
    bytes_scaled,
    from_log_probabilities,
    from_probabilities,
    half_precision,
    nhwc,
    normalized,
    output,
    resized,
    select_classes,
    signed,
)

__all__ = [
    "ARCHITECTURES",
    "binary_sigmoid",
    "build",
    "bytes_scaled",
    "from_log_probabilities",
    "from_probabilities",
    "half_precision",
    "load",
    "nhwc",
    "normalized",
    "output",
    "resized",
    "select_classes",
    "signed",
]

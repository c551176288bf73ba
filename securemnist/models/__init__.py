"""Models: architectures, loading by SPEC, weight files, digests and the model contract."""

from securemnist.models.architectures import ARCHITECTURES, build, normalized

__all__ = ["ARCHITECTURES", "build", "normalized"]

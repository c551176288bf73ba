"""Paths of the bundled files: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from securemnist._util.files import usual_mode

_PACKAGE = Path(__file__).resolve().parents[1]
_BUNDLE = _PACKAGE / "_bundled"
ROOT = _BUNDLE if _BUNDLE.is_dir() else _PACKAGE.parent

SUITES = ROOT / "security_tests"
POLICY = SUITES / "thresholds.toml"
THREATS = SUITES / "threats.toml"
FIXTURES = ROOT / "fixtures"
MNIST = FIXTURES / "mnist"
WEIGHTS = FIXTURES / "weights"
WEIGHTS_SIGNATURE = FIXTURES / "weights.sig"
WEIGHTS_KEY = FIXTURES / "weights.pub"
CLAIMS = FIXTURES / "published-claims.toml"
RULES = _PACKAGE / "semgrep_rules"


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` so that a reader gets the old file or the new one, never a part.

    A `private` file has mode 0600. Raises OSError where the folder is not writable; the old file is
    then unchanged.
    """
    with _written(path, content, private=private) as name:
        os.replace(name, path)


def write_new(path: Path, content: bytes) -> None:
    """The same for a path without a file; FileExistsError where there is one, also at the last moment."""
    with _written(path, content) as name:
        os.link(name, path)
        os.unlink(name)


@contextlib.contextmanager
def _written(path: Path, content: bytes, *, private: bool = False) -> Iterator[str]:
    """A new file with this content beside `path`, removed where it is not used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not private:  # the mode of mkstemp is 0600
            os.chmod(name, usual_mode(0o666))
        yield name
    except BaseException as error:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk names no file, others name the temporary one
            error.filename, error.filename2 = str(path), None
        raise

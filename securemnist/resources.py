"""Where the bundled files lie: in a checkout beside the package, in a wheel inside it."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLE = _PACKAGE / "_bundled"
ROOT = _BUNDLE if _BUNDLE.is_dir() else _PACKAGE.parent

SUITES = ROOT / "security_tests"
POLICY = SUITES / "thresholds.toml"
FIXTURES = ROOT / "fixtures"
MNIST = FIXTURES / "mnist"
WEIGHTS = FIXTURES / "weights"
CLAIMS = FIXTURES / "published-claims.toml"
RULES = _PACKAGE / "semgrep_rules"


def cache_folder() -> Path:
    """The folder for things that can be made again: SECUREMNIST_CACHE, or the user's cache.

    Falls back to a folder of this user in the temporary directory where the home is not writable.
    """
    chosen = os.environ.get("SECUREMNIST_CACHE")
    if chosen:
        folder = Path(chosen)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "securemnist"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass  # a read-only or missing home: the temporary directory serves
    fallback = Path(tempfile.gettempdir()) / f"securemnist-{os.getuid()}"
    fallback.mkdir(mode=0o700, exist_ok=True)
    return fallback


def read_at_most(path: Path, cap: int) -> bytes:
    """The content of a file from outside; OSError where there is more, be it an endless device."""
    with path.open("rb") as file:
        content = file.read(cap + 1)
    if len(content) > cap:
        raise OSError(errno.EFBIG, f"more than {cap} bytes", str(path))
    return content


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` so that a reader sees the old file or the new one, never a part.

    Raises OSError where the folder is not writable; the old file is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

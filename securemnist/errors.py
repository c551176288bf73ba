"""One family of errors, each sentence saying: expected, got, what to do.

Every class carries the exit code of the command line that it leads to.
"""

from __future__ import annotations

from securemnist.sanitize import sentence

FAILED = 1
USAGE = 2
UNDECIDED = 3


class SecureMnistError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = UNDECIDED

    def __str__(self) -> str:
        """The sentence, one line and harmless in a terminal and a log: it often quotes a file."""
        return sentence(super().__str__())


class UsageError(SecureMnistError):
    """The caller asked for something that cannot be done as asked."""

    exit_code = USAGE


class PolicyError(UsageError):
    """The policy (or one of its rows) does not say something that can be judged."""


class DataError(UsageError):
    """A data file is missing, truncated, altered or not of the expected form."""


class WeightsError(UsageError):
    """A weight file does not honour the loader's contract."""


class ModelError(UsageError):
    """A model does not honour the contract: (n, 1, 28, 28) in [0, 1] -> logits (n, 10)."""


class MeasureError(SecureMnistError):
    """A measurement went wrong; its row becomes ERROR."""


class Inconclusive(SecureMnistError):
    """A measurement ran, but what it saw carries no verdict; its row becomes INCONCLUSIVE."""


class NoCertificate(Inconclusive):
    """A network (or what is asked of it) has no certificate here; nothing is said of its robustness."""


class NotApplicable(SecureMnistError):
    """A measurement cannot be taken in this run; its row becomes NOT_RUN with this reason."""


class ParseError(ValueError):
    """JSON or TOML from outside is refused; the text says what was found, its reader names the file."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or of which kind it is where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

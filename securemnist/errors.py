"""Errors of the package; each message says what was expected, what was found and what to do.

Each class carries the exit code of the command line.
"""

from __future__ import annotations

from securemnist.sanitize import sentence

FAILED = 1
USAGE = 2
UNDECIDED = 3


class SecureMnistError(Exception):
    """Base class of the errors that this package raises on purpose."""

    exit_code = UNDECIDED

    def __str__(self) -> str:
        """The message on one line, sanitised for terminals and logs, because it may quote a file."""
        return sentence(super().__str__())


class UsageError(SecureMnistError):
    """A request that cannot be carried out as given."""

    exit_code = USAGE


class PolicyError(UsageError):
    """A policy, or a row of it, that cannot be judged."""


class DataError(UsageError):
    """A data file that is missing, truncated, altered or malformed."""


class WeightsError(UsageError):
    """A weight file that the loader refuses."""


class ModelError(UsageError):
    """A model that breaks the contract: images (n, C, H, W) in [0, 1] -> logits (n, K)."""


class AuditError(SecureMnistError):
    """A line of the audit log that could not be written."""


class SignatureError(SecureMnistError):
    """A signature, or a file that it covers, that does not fit."""

    exit_code = FAILED


class MeasureError(SecureMnistError):
    """A failed measurement; its row becomes ERROR."""


class Inconclusive(SecureMnistError):
    """A measurement that decides nothing; its row becomes INCONCLUSIVE."""


class NoAnswer(Inconclusive):
    """An endpoint that gave no answer: it failed, refused for its load, or the queries are spent."""


class NoCertificate(Inconclusive):
    """A network, or a threat, without supported certificates; says nothing about robustness."""


class NoGraph(NoCertificate):
    """A network that cannot be read at all, whatever the images and the threat."""


class NotApplicable(SecureMnistError):
    """A measurement that this run cannot take; its row becomes NOT_RUN with this reason."""


class ParseError(ValueError):
    """JSON or TOML from outside that is refused; the reader adds the name of the file."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its class where the message is empty.

    After a colon at its end the next line follows, as `load_state_dict` has what differs there.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1]) or type(error).__name__

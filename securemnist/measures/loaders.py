"""Unsafe loaders: calls in the project's code that may run code of the file that they read."""

from __future__ import annotations

from collections.abc import Iterator

from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures import static_gate, supply_chain
from securemnist.measures.static_gate import ScanSettings
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.findings import Measurement
from securemnist.static import Scan
from securemnist.static.issue import NOT_READ

# The rules about loaders: ours, then Bandit's for pickle, marshal, PyYAML, PyTorch and model hubs.
_RULES = (
    "pickle-runs-code",
    "pickle-over-connection",
    "numpy-load-runs-code",
    "torch-load-runs-code",
    "torch-load-by-default",
    "torch-weights-only-disabled",
    "torch-jit-load-runs-code",
    "torch-hub-runs-code",
    "keras-load-runs-code",
    "model-file-runs-code",
    "remote-code-trusted",
    "yaml-load-runs-code",
    "ruamel-load-runs-code",
    "safe-load-retried-unsafely",
    "loader-passed-on",
    "loader-by-name",
    "B301",
    "B302",
    "B506",
    "B614",
    "B615",
)


class LoaderSettings(ScanSettings):
    """Settings of a row of loaders; with those of a static row the code is scanned once for both."""


def unsafe_loaders(context: ProjectContext, settings: LoaderSettings, _seed: int) -> Measurement:
    """The number of calls that may run code of the file they read.

    Such are pickle and what builds on it, `torch.load` without `weights_only=True`, NumPy's
    `allow_pickle`, Keras without its safe mode, `yaml.load`, and code of model hubs. A static baseline
    accepts none of them. A file that cannot be read counts. Errors as in `static_findings`.
    """
    context.progress("unsafe loaders", 0, 1)
    scan = static_gate.cached_scan(context, settings)
    context.progress("unsafe loaders", 1, 1)
    files = len(scan.files)
    about = f"{files} files of code"
    return supply_chain.counted(list(_checks(scan)), about, n=files)


def _checks(scan: Scan) -> Iterator[SupplyCheck]:
    """The loaders, those that a comment silences (they hold), and the files that were read."""
    for issue in scan.issues:
        if {NOT_READ, *_RULES}.intersection(issue.rule.split(", ")):
            place = f"{issue.file}:{issue.line}"
            yield _check(issue.rule, place, issue.message, holds=False)
    for text in scan.excluded:
        if "silenced by a comment" in text and any(f" {rule}, " in text for rule in _RULES):
            yield _check("silenced by a comment", text.partition(" ")[0], text, holds=True)
    yield _check("files", ".", f"{len(scan.files)} files read", holds=True)


def _check(name: str, place: str, found: str, *, holds: bool) -> SupplyCheck:
    return SupplyCheck(name, place, "no loader that runs code", found, holds)


UNSAFE_LOADERS = supply_chain.of_project(unsafe_loaders, LoaderSettings, seconds=10.0)

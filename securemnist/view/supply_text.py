"""What a row of the supply chain claims, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from securemnist.results.findings import Requirement
from securemnist.view import signature_text


def _pinned(row: Requirement) -> str:
    found = "All" if row.threshold == 0 else f"All but {row.threshold:g}"
    return (
        f"{found} dependencies of the project are pinned to one version with hashes of its files."
    )


def _advisories(row: Requirement) -> str:
    if row.threshold == 0:
        return "No installed or locked version has a vulnerability of the list of advisories."
    versions = f"At most {row.threshold:g} installed or locked versions"
    return f"{versions} have a vulnerability of the list of advisories."


def _age(row: Requirement) -> str:
    return f"The list of advisories is at most {row.threshold:g} days old."


def _provenance(row: Requirement) -> str:
    found = "all" if row.threshold == 0 else f"all but {row.threshold:g}"
    return f"Of the weights, {found} facts about recipe, seed, data and file are recorded and hold."


def _loaders(row: Requirement) -> str:
    if row.threshold == 0:
        return "No call in the project's code may run code of the file that it reads."
    calls = f"At most {row.threshold:g} calls in the project's code"
    return f"{calls} may run code of the file that they read."


def _data(row: Requirement) -> str:
    found = "all" if row.threshold == 0 else f"all but {row.threshold:g}"
    if row.settings.get("compare", "digests") == "statistics":
        return f"By statistics, {found} checks say that the data are a draw of the recorded ones."
    return f"Of the data, {found} digests and counts are the recorded ones."


SUPPLY_CHAIN: Mapping[str, Callable[[Requirement], str]] = {
    "unpinned_dependencies": _pinned,
    "vulnerable_dependencies": _advisories,
    "advisories_age_days": _age,
    "unknown_provenance": _provenance,
    "unsafe_loaders": _loaders,
    "data_changes": _data,
    "unverified_files": signature_text.claim,
}

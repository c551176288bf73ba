"""What a row of the supply chain claims, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from securemnist.results.findings import Requirement


def all_but(row: Requirement) -> str:
    """`all`, or `all but 3` of what a row allows to be wrong."""
    return "all" if row.threshold == 0 else f"all but {row.threshold:g}"


def _pinned(row: Requirement) -> str:
    found = f"{all_but(row).capitalize()} dependencies of the project"
    return f"{found} are pinned to one version with hashes of its files."


def _advisories(row: Requirement) -> str:
    if row.threshold == 0:
        return (
            "No installed or locked version has a vulnerability that the list of advisories knows."
        )
    versions = f"At most {row.threshold:g} installed or locked versions"
    return f"{versions} have a vulnerability that the list of advisories knows."


def _age(row: Requirement) -> str:
    return f"The list of advisories is at most {row.threshold:g} days old."


def _provenance(row: Requirement) -> str:
    facts = "facts about the weights (recipe, seed, data, file)"
    return f"{all_but(row).capitalize()} {facts} are recorded and hold."


def _loaders(row: Requirement) -> str:
    if row.threshold == 0:
        return "No call in the project's code may run code of the file that it reads."
    calls = f"At most {row.threshold:g} calls in the project's code"
    return f"{calls} may run code of the file that they read."


def _data(row: Requirement) -> str:
    if row.settings.get("compare", "digests") == "statistics":
        checks = f"{all_but(row)} checks"
        return f"By statistics, {checks} say that the data are a draw of the recorded ones."
    return f"{all_but(row).capitalize()} digests and counts of the data are the recorded ones."


def _signatures(row: Requirement) -> str:
    """Of the model's files, or of those of the reference models."""
    models = row.settings.get("of") == "reference models"
    what = "files of the bundled reference models" if models else "files of the model"
    signed = "are signed" if models or row.settings.get("signature") else "are attested"
    attested = " and attested" if signed == "are signed" and row.settings.get("attestation") else ""
    return f"{all_but(row).capitalize()} {what} {signed}{attested}."


SUPPLY_CHAIN: Mapping[str, Callable[[Requirement], str]] = {
    "unpinned_dependencies": _pinned,
    "vulnerable_dependencies": _advisories,
    "advisories_age_days": _age,
    "unknown_provenance": _provenance,
    "unsafe_loaders": _loaders,
    "data_changes": _data,
    "unverified_files": _signatures,
}

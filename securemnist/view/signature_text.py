"""The claim of a row of signatures in words."""

from __future__ import annotations

from securemnist.results.findings import Requirement


def claim(row: Requirement) -> str:
    """The claim of a row of `unverified_files`, of the model or of the reference models."""
    found = "All" if row.threshold == 0 else f"All but {row.threshold:g}"
    models = row.settings.get("of") == "reference models"
    what = "files of the bundled reference models" if models else "files of the model"
    signed = "are signed" if models or row.settings.get("signature") else "are attested"
    attested = " and attested" if signed == "are signed" and row.settings.get("attestation") else ""
    return f"{found} {what} {signed}{attested}."

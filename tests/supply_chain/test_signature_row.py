"""The row of signatures: it passes on signed files, and fails where one was changed or replaced."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.defences.subject import defended
from securemnist.errors import MeasureError, NotApplicable, PolicyError, UsageError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.report.details import first_places
from securemnist.results import policy
from securemnist.results.findings import Finding, Requirement, Verdict
from securemnist.signing import attestation, keys, model_signature
from tests.signing.signed import DAY, assessment, key, rows, write_key

RELEASE = rows("A-1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a signed and attested model, the signer's public key and the attested policy."""
    model = tmp_path / "net"
    model.mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(resources.WEIGHTS / f"baseline{suffix}", model)
    write_key(tmp_path / "release").unlink()
    (tmp_path / "release.toml").write_text(RELEASE.text)
    out = tmp_path / "net.sig"
    content, signed = model_signature.sign(model, key(), out=out)
    out.write_bytes(content)
    whole = assessment(RELEASE)
    whole = dataclasses.replace(whole, subject={**whole.subject, "files": dict(signed.files)})
    attested, _ = attestation.sign(
        whole.dumps(), RELEASE, model / "baseline.safetensors", key(), failed=False, day=DAY
    )
    (tmp_path / "net.attestation.json").write_bytes(attested)
    return tmp_path


SIGNED = {"public_key": "release.pub", "signature": "net.sig"}
ATTESTED = {
    "public_key": "release.pub",
    "attestation": "net.attestation.json",
    "attested_policy": "release.toml",
}
BOTH = {**SIGNED, **ATTESTED}


def context_of(project: Path, mnist: DataSet, spec: str = "net/baseline.safetensors") -> Context:
    """The model of the project."""
    return Context(loading.resolve(str(project / spec)), mnist, project=project, doubts=())


def judge(context: Context, settings: dict[str, object]) -> Finding:
    """A row with these settings and the bundled bound."""
    row = Requirement(
        id="S-1", measure="unverified_files", because="b", at_most=0, settings=settings
    )
    bound = bind(row.measure, settings)
    return row.judge(take_measurement(context, row.measure, bound, 0), family="supply_chain")


@pytest.mark.parametrize(("settings", "n"), [(SIGNED, 2), (ATTESTED, 3), (BOTH, 5)])
def test_signed_and_attested_files_pass(
    settings: dict[str, object], n: int, project: Path, mnist: DataSet
) -> None:
    """Weights and manifest count by signature and by attestation, and the attested policy once."""
    found = judge(context_of(project, mnist), settings)
    assert found.verdict is Verdict.PASS, first_places(found)
    assert found.measurement is not None
    assert found.measurement.n == n


def other_weights(project: Path) -> None:
    for suffix in (".safetensors", ".json"):
        shutil.copy(
            resources.WEIGHTS / f"fgsm_trained{suffix}", project / "net" / f"baseline{suffix}"
        )


def other_manifest(project: Path) -> None:
    path = project / "net" / "baseline.json"
    path.write_text(path.read_text() + " ")


def other_key(project: Path) -> None:
    (project / "release.pub").unlink()
    keys.create(project / "release")


def other_policy(project: Path) -> None:
    (project / "release.toml").write_text(RELEASE.text.replace("0.9", "0.1"))


def failed(project: Path) -> None:
    """An attestation of FAILED, which is signed on request only."""
    whole = assessment(RELEASE)
    files = {p.name: model_digest(p) for p in sorted((project / "net").iterdir())}
    unmeasured = dataclasses.replace(whole.findings[0], verdict=Verdict.ERROR, measurement=None)
    subject = {**whole.subject, "files": files}
    whole = dataclasses.replace(whole, subject=subject, findings=(unmeasured,))
    weights = project / "net" / "baseline.safetensors"
    content, _ = attestation.sign(whole.dumps(), RELEASE, weights, key(), failed=True, day=DAY)
    (project / "net.attestation.json").write_bytes(content)


def model_digest(path: Path) -> str:
    from securemnist.signing.model_files import digest

    return digest(path)


SABOTAGE: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "other weights": (other_weights, 4, "baseline.safetensors"),
    "other manifest": (other_manifest, 2, "baseline.json"),
    "other key": (other_key, 4, "names another key"),
    "no signature": (lambda project: (project / "net.sig").unlink(), 2, "No such file"),
    "no attestation": (
        lambda project: (project / "net.attestation.json").unlink(),
        2,
        "No such file",
    ),
    "damaged signature": (lambda project: (project / "net.sig").write_bytes(b"{}"), 2, "expected"),
    "other policy": (other_policy, 1, "attested policy"),
    "attested as failed": (failed, 1, "got FAILED"),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_fails_the_row(name: str, project: Path, mnist: DataSet) -> None:
    """The saboteurs: each file or statement that does not fit counts, and the row names it."""
    change, count, text = SABOTAGE[name]
    change(project)
    found = judge(context_of(project, mnist), BOTH)
    assert found.verdict is Verdict.FAIL
    assert found.measurement is not None
    assert found.measurement.value == count
    assert text in " ".join(first_places(found))


def test_a_swap_after_loading_changes_nothing(project: Path, mnist: DataSet) -> None:
    """What counts are the bytes that were loaded: signed files that come later do not help."""
    good = {path.name: path.read_bytes() for path in (project / "net").iterdir()}
    other_weights(project)
    context = context_of(project, mnist)
    for name, content in good.items():
        (project / "net" / name).write_bytes(content)
    assert judge(context, SIGNED).verdict is Verdict.FAIL
    assert judge(context_of(project, mnist), SIGNED).verdict is Verdict.PASS


def test_a_name_in_two_folders_is_unclear(project: Path, mnist: DataSet) -> None:
    """A signature over two files of one name covers neither: which one was meant is not said."""
    (project / "net" / "old").mkdir()
    shutil.copy(project / "net" / "baseline.json", project / "net" / "old")
    content, _ = model_signature.sign(project / "net", key(), out=project / "net.sig")
    (project / "net.sig").write_bytes(content)
    found = judge(context_of(project, mnist), SIGNED)
    assert "baseline.json" in first_places(found)[0]
    assert "in 2 folders of the signed model" in first_places(found)[0]


def test_single_files_are_covered_by_a_list(project: Path, mnist: DataSet) -> None:
    """A signature over the weights alone leaves the manifest; a list of both covers both."""
    for suffix in (".safetensors", ".json"):
        path = project / "net" / f"baseline{suffix}"
        out = project / f"baseline{suffix}.sig"
        out.write_bytes(model_signature.sign(path, key(), out=out)[0])
    context, both = context_of(project, mnist), ["baseline.safetensors.sig", "baseline.json.sig"]
    found = judge(context, {**SIGNED, "signature": both[0]})
    assert found.measurement is not None
    assert found.measurement.value == 1
    assert judge(context, {**SIGNED, "signature": both}).verdict is Verdict.PASS


def test_models_without_files_do_not_apply(context: Context) -> None:
    """A model from code has no files that could be signed; behind a defence the files still count."""
    subject = loading.from_model(context.subject.model, name="net")
    with pytest.raises(NotApplicable, match="code or an endpoint"):
        judge(dataclasses.replace(context, subject=subject), SIGNED)
    behind = defended(context.subject, make_defence({"use": "jpeg"}))
    assert behind.files == context.subject.files
    assert "files" in context.subject.to_json()
    assert "files" not in behind.to_json()


def test_what_cannot_be_judged_is_an_error(project: Path, mnist: DataSet) -> None:
    """No public key, no demanded policy, and a run that needs its own attestation are errors."""
    context = context_of(project, mnist)
    with pytest.raises(MeasureError, match="cannot need its own attestation"):
        judge(dataclasses.replace(context, policy=policy.load(project / "release.toml")), ATTESTED)
    (project / "release.toml").unlink()
    with pytest.raises(PolicyError):
        judge(context, ATTESTED)
    (project / "release.pub").unlink()
    with pytest.raises(UsageError, match="expected a public key"):
        judge(context, SIGNED)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"public_key": "k"},
        {"signature": "s"},
        {"public_key": "k", "attestation": "a"},
        {"public_key": "k", "signature": "s", "attested_policy": "p"},
        {"public_key": "../k", "signature": "s"},
        {"public_key": "k", "signature": "/s"},
        {"public_key": "k", "signature": [1]},
        {"of": "reference models", "public_key": "k"},
        {"of": "all"},
    ],
)
def test_rows_that_would_verify_nothing_are_refused(settings: dict[str, object]) -> None:
    """A row needs a key and something to verify, and an attestation the policy that it has to be of."""
    with pytest.raises(PolicyError):
        bind("unverified_files", settings)

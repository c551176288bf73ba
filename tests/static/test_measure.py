"""The measure static_findings: its number, its files, and when it has none."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from securemnist import measures
from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.errors import MeasureError, NotApplicable, PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures import static_gate
from securemnist.models.loading import Subject
from securemnist.results import policy
from securemnist.results.evidence.static import BaselineEntry, StaticEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.static import Scan, scan
from securemnist.types import silent
from tests.static.conftest import CLEAN, FLASK_PAGE, PICKLE_DEMO, TORCH_LOADS, Write


# The gate reads code, no images.
def no_model() -> Context:
    """The parts of a context that a static row needs, with the working folder as the project."""
    subject = SimpleNamespace(remote=None)
    needed = SimpleNamespace(
        progress=silent,
        project=Path.cwd(),
        flushes_denormals=False,
        subject=subject,
        doubts=(),
        cached=lambda _key, compute: compute(),
    )
    return cast(Context, needed)


BANDIT = {"tools": ["bandit"], "level": "medium"}
SABOTEURS = {"load.py": TORCH_LOADS, "demo.py": PICKLE_DEMO, "page.py": FLASK_PAGE}


def measure(**settings: Any) -> Measurement:
    """The measurement of a row with these settings."""
    return measures.take_measurement(
        no_model(), "static_findings", measures.bind("static_findings", settings), 0
    )


@pytest.mark.parametrize(
    "row", policy.load(resources.POLICY).rows("static_findings"), ids=lambda row: row.id
)
def test_bundled_row_fails_on_saboteurs(row: Requirement, write: Write) -> None:
    """In another project the row reads its files; a fault that both tools report counts once."""
    write({**SABOTEURS, "ok.py": CLEAN, "tests/test_a.py": TORCH_LOADS})
    settings = measures.bind(row.measure, row.settings)
    measurement = measures.take_measurement(no_model(), row.measure, settings, row.seed)
    assert row.judge(measurement).verdict is Verdict.FAIL
    assert (
        measurement.n,
        measurement.value,
        measurement.low,
        measurement.high,
        measurement.unit,
    ) == (4, 2.0, 2.0, 2.0, "count")
    assert [(n.file, n.line, n.rule) for n in measurement.evidence.static] == [
        ("demo.py", 6, "B301, pickle-runs-code"),
        ("page.py", 7, "B201, debug-server"),
    ]
    assert measurement.evidence.folder == Path.cwd().name
    assert measurement.evidence.excluded == ["tests (exclude)"]
    assert measurement.evidence.files_scanned == 4
    kept = StaticEvidence.from_json(json.loads(json.dumps(measurement.evidence.to_json())))
    assert kept == measurement.evidence


def test_clean_project_counts_zero(write: Write) -> None:
    """Code without the patterns counts zero, on all of its files."""
    write({"toy.py": CLEAN, "pkg/net.py": CLEAN})
    measurement = measure(tools=["bandit"])
    assert (
        measurement.value,
        measurement.n,
        measurement.complete,
        measurement.evidence.static,
    ) == (0.0, 2, True, [])


@pytest.mark.parametrize(("level", "count"), [("low", 3), ("medium", 2), ("high", 1)])
def test_level_filters_findings(write: Write, level: str, count: int) -> None:
    """Findings below the row's level do not count."""
    write({"a.py": "assert x\neval(x)\nimport os\nos.system(x)\n"})
    assert measure(tools=["bandit"], level=level).value == count


def test_findings_are_logged(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """A failed row logs its places; control characters of a name are escaped."""
    write({"\x1b[2J.py": PICKLE_DEMO})
    measure(**BANDIT)
    (message,) = caplog.messages
    assert message.startswith("\\x1b[2J.py:6: medium: bandit B301: Pickle")


def test_baseline_accepts_old_findings(write: Write) -> None:
    """Old findings pass, also on other lines; a new one fails; a fixed one is stale."""
    write({"old.py": PICKLE_DEMO})
    row = Requirement(id="S", measure="static_findings", because="x", at_most=0)
    today = static_gate.StaticSettings(tools=["bandit"], level="medium")
    content, count = static_gate.current_baseline(ProjectContext(), today)
    here = write({"baseline.json": content.decode()})
    adopted = BANDIT | {"baseline": "baseline.json"}
    assert count == 1
    assert row.judge(measure(**adopted)).passed
    write(
        {
            "old.py": "# moved\n\n" + PICKLE_DEMO,
            "new.py": "eval(x)\n",
            "said.py": "eval(x)  # nosec\n",
        }
    )
    measurement = measure(**adopted)
    assert row.judge(measurement).verdict is Verdict.FAIL
    assert [issue.file for issue in measurement.evidence.static] == ["new.py"]
    assert (measurement.evidence.accepted, measurement.evidence.stale_baseline) == (1, [])
    accepted = [(one.by, one.file, one.rule) for one in measurement.evidence.not_counted]
    assert accepted == [("baseline", "old.py", "B301"), ("comment", "said.py", "B307")]
    (here / "old.py").write_text(CLEAN)
    (stale,) = measure(**adopted).evidence.stale_baseline
    code = "return pickle.load(file)"
    assert stale == BaselineEntry(tool="bandit", rule="B301", file="old.py", code=code)


def test_measurement_and_baseline_share_a_scan(
    write: Write, monkeypatch: pytest.MonkeyPatch, baseline: Subject, mnist: DataSet
) -> None:
    """The code of a context is scanned once for its findings and for the baseline that accepts them."""
    scans: list[object] = []

    def counting(*arguments: Any, **options: Any) -> Scan:
        scans.append(arguments)
        return scan(*arguments, **options)

    monkeypatch.setattr(static_gate, "scan", counting)
    context = Context(baseline, mnist, project=write({"old.py": PICKLE_DEMO}))
    settings = static_gate.StaticSettings(tools=["bandit"], level="medium")
    measured = static_gate.static_findings(context, settings, 0)
    shared = static_gate.current_baseline(context, settings)
    assert len(scans) == 1
    assert shared[1] == measured.value == 1
    alone = ProjectContext(project=context.project)
    assert shared == static_gate.current_baseline(alone, settings)


def test_paths_without_python_are_error(write: Write) -> None:
    """Given paths without Python are an error, not a clean result."""
    write({"src/notes.txt": "", "toy.py": CLEAN})
    with pytest.raises(MeasureError, match="expected Python files to read, got none"):
        measure(paths=["src"])
    with pytest.raises(MeasureError, match="expected Python files to read, got none"):
        measure(paths=["."], exclude=["*"])


def test_folder_without_python_is_not_run(write: Write) -> None:
    """Without `paths` and without Python the row is NOT_RUN, with the reason."""
    write({"weights.safetensors": ""})
    with pytest.raises(
        NotApplicable, match="expected Python files in this folder, got none; run it"
    ):
        measure()


def test_unreadable_file_is_finding(write: Write) -> None:
    """A file that no tool can read fails the row, beside the others, and can be accepted."""
    here = write({"a.py": PICKLE_DEMO, "b.py": "def f(:\n"})
    measurement = measure(**BANDIT)
    assert [(n.file, n.rule) for n in measurement.evidence.static] == [
        ("a.py", "B301"),
        ("b.py", "not-read"),
    ]
    settings = static_gate.StaticSettings(tools=["bandit"], level="medium")
    content, count = static_gate.current_baseline(ProjectContext(project=here), settings)
    write({"baseline.json": content.decode()})
    adopted = BANDIT | {"baseline": "baseline.json"}
    assert (count, measure(**adopted).value) == (2, 0)
    write({"b.py": "def g(:\n"})
    assert measure(**adopted).value == 1


@pytest.mark.parametrize("path", ["none", "out"])
def test_missing_path_is_error_of_row(
    write: Write, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    """A missing path, or a link that leads out, is an ERROR of the row, not of the policy."""
    here = write({"a.py": CLEAN})
    (here / "out").symlink_to(tmp_path_factory.mktemp("outside"))
    with pytest.raises(MeasureError, match=f"path .*in.* the project folder .*, got '{path}'"):
        measure(paths=[path])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"paths": [".."]}, "expected a path inside .*, got '..'"),
        ({"paths": ["/"]}, "expected a path inside .*, got '/'"),
        ({"paths": []}, "paths"),
        ({"paths": ["\0"]}, "paths"),
        ({"tools": ["pylint"]}, "tools"),
        ({"tools": []}, "tools"),
        ({"tools": ["bandit", "bandit"]}, "expected each tool once"),
        ({"level": "huge"}, "level"),
        ({"path": ["."]}, "unknown key 'path'"),
    ],
)
def test_invalid_settings_are_policy_errors(
    write: Write, settings: dict[str, Any], words: str
) -> None:
    """Empty settings, and paths outside of the project, are refused before a run."""
    write({"a.py": CLEAN})
    with pytest.raises(PolicyError, match=words):
        measures.bind("static_findings", settings)

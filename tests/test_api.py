"""The library: what `import securemnist` gives, and what it leaves as it was."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist import assessing, errors
from securemnist.api.inputs import as_settings
from securemnist.certificates import certify
from securemnist.evaluation.context import Context
from securemnist.measures import claims
from securemnist.models.loading import from_model
from securemnist.referee import rule
from securemnist.results.verdicts import Verdict
from securemnist.runtime import denormals
from tests.commands import shell
from tests.small_network import small_network

CLEAN = """
[[requirement]]
id = "CLEAN-01"
measure = "clean_accuracy"
at_least = 0.2
because = "what is not recognised is not worth defending"
"""
ATTACK = """
[[requirement]]
id = "ADV-01"
measure = "attack_accuracy"
attack = { use = "PGD", steps = 2 }
threat = { norm = "linf", eps = 0.1 }
at_least = 0.2
because = "the scanner's noise"
"""
SEARCH = """
[[requirement]]
id = "ADV-02"
measure = "robust_accuracy"
attack = { use = "PGD", steps = 2 }
threat = { norm = "linf", eps = 0.1 }
tier = "full"
at_least = 0.2
because = "the scanner's noise"
"""


@pytest.fixture(scope="session")
def images(mnist: sm.DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """A hundred test images and their labels."""
    return mnist.test[:100].images(), mnist.test[:100].labels


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Three rows: two of the standard tier, one of the full one."""
    path = tmp_path / "policy.toml"
    path.write_text(CLEAN + ATTACK + SEARCH)
    return path


class Changing(nn.Module):
    """A network that changes whatever a process shares, and may then raise or leave the program."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.network, self.error = small_network(), error
        self.train()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        random.seed(7)
        np.random.seed(7)
        torch.rand(1)
        os.environ["SECUREMNIST_CHANGED"] = "1"
        logging.getLogger().addHandler(logging.NullHandler())
        logging.getLogger().setLevel(logging.CRITICAL)
        torch.set_flush_denormal(True)
        torch.backends.cudnn.allow_tf32 = not torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = not torch.backends.cuda.matmul.allow_tf32
        torch.backends.nnpack.set_flags(not torch.backends.nnpack.set_flags(False)[0])
        if self.error is not None:
            torch.set_default_dtype(torch.float64)
            raise self.error
        logits: torch.Tensor = self.network(x)
        return logits


def state(model: nn.Module) -> list[Any]:
    """What a caller may rely on, of the process and of the model."""
    nnpack = torch.backends.nnpack.set_flags(True)[0]
    torch.backends.nnpack.set_flags(nnpack)
    root = logging.getLogger()
    weights = [(p.data_ptr(), p.stride(), p.requires_grad) for p in model.parameters()]
    return [
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
        dict(os.environ),
        (list(root.handlers), root.level),
        (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, nnpack),
        (denormals.flushing(), torch.get_default_dtype()),
        [module.training for module in model.modules()],
        weights,
    ]


CALLS: dict[str, Callable[..., Any]] = {
    "measure": lambda net, x, y, _: sm.measure("clean_accuracy", net, (x, y)),
    "assess": lambda net, x, y, path: sm.assess(net, (x, y), policy=path, rows=["CLEAN-01"]),
    "compare": lambda net, x, y, path: sm.compare(
        net, net, data=(x, y), policy=path, rows=["CLEAN-01"], same_model=True
    ),
    "attack": lambda net, x, y, _: sm.PGD(steps=2)(net, x, y, threat="linf:0.1"),
    "ART": lambda net, x, y, _: sm.measure(
        "attack_accuracy",
        net,
        (x[:9], y[:9]),
        attack="art:FastGradientMethod",
        threat="linf:0.1",
    ),
    "certify": lambda net, x, y, _: sm.certify(net, x[:2], y[:2], eps=0.1),
}


@pytest.mark.parametrize("error", [None, ValueError("no"), SystemExit(0)], ids=repr)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_process_and_model_are_left_as_they_were(
    call: Callable[..., Any],
    error: BaseException | None,
    images: tuple[torch.Tensor, torch.Tensor],
    policy: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Random generators, logging, environment, float arithmetic and the model are as before the call."""
    net = Changing(error)
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")  # versions are not timed: that takes seconds
    before = state(net)
    # A network that draws random numbers is measured, but has no certificate.
    refused = error is not None or call is CALLS["certify"]
    with pytest.raises(errors.SecureMnistError) if refused else contextlib.nullcontext():
        call(net, *images, policy)
    assert state(net) == before


def test_importing_is_light() -> None:
    """`import securemnist` loads none of the heavy packages and sets no variable of the environment."""
    program = (
        "import os, sys; before = dict(os.environ); import securemnist; dir(securemnist); "
        "heavy = {'torch', 'pydantic', 'numpy', 'pytest', 'click'} & set(sys.modules); "
        "assert not heavy, heavy; assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_public_names() -> None:
    """Every public name is there and documented, and no other name is invented."""
    for name in sm.__all__:
        assert getattr(sm, name).__doc__, name
        assert name in dir(sm)
    with pytest.raises(AttributeError, match="no attribute 'evaluate'"):
        sm.evaluate  # noqa: B018


def test_a_measurement_is_that_of_the_core(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """`measure` gives the number, the digests and the JSON that the core gives, for arrays as well."""
    net, (x, y) = small_network(), images
    found = sm.measure("clean_accuracy", net, (x.numpy(), y.numpy()), digits=60, seed=3)
    context = Context(from_model(small_network(), name="it"), sm.DataSet.from_tensors(x, y))
    same = assessing.measure(context, "clean_accuracy", {"digits": 60}, seed=3)
    assert (found.value, found.low, found.high, found.n) == (same.value, same.low, same.high, 60)
    assert found.subject["digest"] == context.subject.digest
    assert found.data == context.data.to_json()
    assert json.loads(json.dumps(found.to_json()))["value"] == same.value
    recorded = dataclasses.replace(same, seconds=found.seconds).to_json()
    assert found.result.to_json() == recorded
    assert found.to_json().items() >= recorded.items()
    assert net.training is False


def test_attacks_and_threats_in_every_form() -> None:
    """A value, a name, a text and a table of one attack or threat are one setting."""
    row = {"attack": {"use": "PGD", "steps": 2}, "threat": {"norm": "l2", "eps": 1.5}}
    for attack in ("PGD:steps=2", row["attack"]):
        for threat in (sm.L2(1.5), "l2:1.5", row["threat"]):
            assert as_settings(threat, attack, {}) == row
    value = sm.PGD(steps=2)
    assert as_settings(None, value, {}) == {"attack": value.to_json()}
    ladder = {"attack": {"use": "ladder", "budget": "standard"}, "digits": 5}
    assert as_settings(None, "ladder:standard", {"digits": 5}) == ladder
    assert as_settings(None, "art:DeepFool", {}) == {"attack": {"use": "art:DeepFool"}}


X, Y = torch.rand(3, 1, 28, 28), torch.tensor([1, 2, 3])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X.double(), Y), "float32"),
        ((X.mul(255).int(), Y), "got int32"),
        ((X[:, 0], Y), r"got \(3, 28, 28\)"),
        ((X[:0], Y[:0]), "at least one"),
        ((X + 1, Y), "pixels from"),
        ((X * torch.nan, Y), "NaN"),
        ((X, Y[:2]), r"shape \(2,\)"),
        ((X, Y - 2), "labels from -1 to 1"),
        ((X, Y + 8), "got 1x28x28, 12 classes"),
        ((X, Y.float()), "got float32"),
        ((X.tolist(), Y), "got list"),
        ((np.array([object()]), Y), "object"),
        (X, "got Tensor"),
    ],
)
def test_wrong_images_are_one_sentence(data: Any, said: str) -> None:
    """Images or labels of another type, shape or range are a DataError that says what was passed."""
    with pytest.raises(errors.DataError, match=said):
        sm.measure("clean_accuracy", small_network(), data)


def test_pixels_are_not_rounded(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Bytes give the digest of the same files; other pixels are kept exactly, with their own digest."""
    x, y = images
    coarse, fine = sm.DataSet.from_tensors(x, y), sm.DataSet.from_tensors(x * 0.999, y)
    assert coarse.test.pixels.dtype is torch.uint8
    assert torch.equal(fine.test.images(), x * 0.999)
    assert coarse.digest != fine.digest
    known = sm.DataSet.from_tensors(x, y, training=(x[:7], y[:7]))
    assert known.copies.of_training == 7
    assert fine.copies.of_training == 0


def test_models_that_are_none() -> None:
    """What is no model, and a measure that needs one, are one sentence each."""
    with pytest.raises(errors.ModelError, match="got int"):
        sm.measure("clean_accuracy", 3, (X, Y))  # type: ignore[arg-type]
    with pytest.raises(errors.UsageError, match="expected a model for clean_accuracy"):
        sm.measure("clean_accuracy", None, (X, Y))
    with pytest.raises(errors.ModelError, match="expected logits"):
        sm.measure("clean_accuracy", nn.Flatten(), (X, Y))
    with pytest.raises(errors.PolicyError, match="robust_acuracy"):
        sm.measure("robust_acuracy", small_network(), (X, Y))


def test_an_attack_that_is_none() -> None:
    """A class, or another value that is no attack, is one sentence that shows it."""
    for wrong, said in ((sm.PGD, "got <class .*PGD'>"), (40, "got 40")):
        with pytest.raises(errors.UsageError, match=f"an attack like .*{said}"):
            sm.measure("robust_accuracy", small_network(), (X, Y), threat="linf:0.1", attack=wrong)  # type: ignore[arg-type]


def test_a_data_set_is_short(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """A data set and its splits are shown as one line with numbers of images."""
    data = sm.DataSet.from_tensors(*images, name="mine", training=(X, Y))
    n = len(images[1])
    assert repr(data.test) == f"<Samples: {n:,} images>"
    assert repr(data).startswith("<DataSet: mine, ")
    assert repr(data).endswith(f" {n:,} test images>")


def test_an_attack_is_refereed_and_repeats(
    baseline: Any, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """Success is what the referee says of the images, which are those of the ladder's own call."""
    x, y = images
    attack, threat = sm.PGD(steps=2), sm.Linf(0.2)
    found = attack(baseline.model, x, y.numpy(), threat=threat, seed=5)
    ruling = rule(baseline.model, x, y, found.images, norm="linf", eps=0.2)
    assert torch.equal(found.success, ruling.fooled)
    assert torch.equal(found.predictions, ruling.predictions)
    assert 0 < int(found.success.sum()) < len(x)
    assert torch.equal(attack("baseline", x, y, threat=threat, seed=5).images, found.images)
    assert not torch.equal(attack("baseline", x, y, threat=threat, seed=6).images, found.images)
    parts = assessing_seed(5, attack, threat)
    assert torch.equal(attack.propose(baseline.model, x, y, threat=threat, rng=parts), found.images)


def assessing_seed(seed: int, attack: Any, threat: Any) -> torch.Generator:
    """The generator of an attack's first stage in a ladder."""
    from securemnist._util.hashing import seed_from

    return torch.Generator().manual_seed(seed_from(seed, attack.to_json(), threat.to_json()))


def test_certificates_are_those_of_the_package(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """`certify` gives the certificates of the package, and refuses a label that is no class."""
    x, y = images[0][:8], images[1][:8]
    net = small_network()
    found, same = sm.certify(net, x.numpy(), y, eps=0.01), certify(small_network(), x, y, eps=0.01)
    assert torch.equal(found.margins, same.margins)
    for labels, said in ((y + 10, "labels from 0 to 9"), (y.float(), "integer labels")):
        with pytest.raises(errors.DataError, match=said):
            sm.certify(net, x, labels, eps=0.01)
    with pytest.raises(
        errors.UsageError, match=r"eps as a number of 0 or more, got Linf\(eps=0.1\)"
    ):
        sm.certify(net, x, y, eps=sm.Linf(0.1))  # type: ignore[arg-type]
    with pytest.raises(errors.MeasureError, match=r"an eps of 0 or more, got -0\.1"):
        sm.certify(net, x, y, eps=-0.1)
    with pytest.raises(errors.MeasureError, match="images from 0 to 1"):
        sm.certify(net, x + 1, y, eps=0.1)


def test_an_assessment_is_that_of_the_command_line(
    tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`assess` gives the findings of `securemnist assess`, claim, scope and evidence included."""
    policy.write_text((CLEAN + ATTACK).replace("at_least", "digits = 50\nat_least") + SEARCH)
    monkeypatch.chdir(tmp_path)
    assessment = sm.assess("baseline", policy=policy)
    made = json.loads(json.dumps(assessment.to_json()))
    done = shell(tmp_path, "assess", "--model", "baseline", "--policy", str(policy))
    assert done.returncode == assessment.exit_code == 0
    other = json.loads((tmp_path / "reports" / "assessment.json").read_text())
    for record in (made, other):
        for finding in record["findings"]:
            finding["replay"] = ""
            _without_times(finding["measurement"])
        assert record["environment"].pop("time")
        record["policy"].pop("path")
        record["scope"].pop("paths")
    assert made == other


def _without_times(value: Any) -> None:
    """Remove seconds, wherever they are."""
    if isinstance(value, dict):
        value.pop("seconds", None)
        for part in value.values():
            _without_times(part)
    elif isinstance(value, list):
        for part in value:
            _without_times(part)


def test_rows_and_scope(images: tuple[torch.Tensor, torch.Tensor], policy: Path) -> None:
    """A row that was not asked for is NOT_RUN and out of scope; an unknown one is refused."""
    made = sm.assess(small_network(), images, policy=policy, rows=["CLEAN-01"])
    assert [finding.in_scope for finding in made.findings] == [True, False, False]
    assert {str(finding.verdict) for finding in made.findings[1:]} == {"NOT_RUN"}
    assert made.findings[0].claim == claims.claims()["clean_accuracy"]
    for wrong in ({"rows": ["X"]}, {"rows": "CLEAN-01"}, {"tier": "huge"}, {"rows": ["ADV-02"]}):
        with pytest.raises(errors.UsageError, match="expected"):
            sm.assess(small_network(), images, policy=policy, **wrong)  # type: ignore[arg-type]


def test_a_row_that_raises_is_an_error(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path
) -> None:
    """An exception, or the end of the program, in one row is that row's ERROR; others are measured."""

    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = small_network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.requires_grad:
                raise SystemExit(0)
            logits: torch.Tensor = self.network(x)
            return logits

    policy.write_text(CLEAN.replace("0.2", "0.11") + ATTACK)
    made = sm.assess(Late(), images, policy=policy)
    assert made.findings[0].measurement is not None
    assert made.findings[1].verdict is Verdict.ERROR
    assert "SystemExit" in made.findings[1].reason
    assert made.exit_code != 0


def test_an_interruption_keeps_what_was_measured(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path, tmp_path: Path
) -> None:
    """Ctrl-C leaves the rows that are left NOT_RUN, and no whole report is replaced by the rest."""

    def stop(what: str, _done: int, _total: int) -> None:
        if what == "PGD":
            raise KeyboardInterrupt

    made = sm.assess(small_network(), images, policy=policy, progress=stop)
    assert made.interrupted
    assert made.exit_code != 0
    assert made.findings[0].measurement is not None
    assert made.findings[1].verdict is Verdict.NOT_RUN
    whole = sm.assess(small_network(), images, policy=policy)
    page = whole.save(tmp_path / "report")
    assert page.stat().st_size > 1_000
    with pytest.raises(errors.UsageError, match="interrupted"):
        made.save(tmp_path / "report")
    again = sm.Assessment.load(tmp_path / "report" / "assessment.json")
    assert again.to_json() == whole.to_json()
    for name, content in whole.files.items():
        assert (tmp_path / "report" / name).read_bytes() == content


def test_a_policy_that_does_not_fit(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path
) -> None:
    """The bundled policy is for other data, and a policy is a file or what was read of one."""
    with pytest.raises(errors.UsageError, match="data"):
        sm.assess(small_network(), images, policy="bundled")
    with pytest.raises(errors.PolicyError, match="got int"):
        sm.assess(small_network(), images, policy=3)  # type: ignore[arg-type]
    read = sm.load_policy(policy)
    assert [row.id for row in read.requirements] == ["CLEAN-01", "ADV-01", "ADV-02"]
    assert (
        sm.assess(small_network(), images, policy=read, rows=["CLEAN-01"]).findings[0].measurement
    )


def test_two_versions(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path, tmp_path: Path
) -> None:
    """Models and their stored assessments compare alike, and examples of one are tried on the other."""
    policy.write_text(CLEAN)
    sides = [sm.assess(small_network(seed), images, policy=policy) for seed in (0, 1)]
    stored = sm.compare(*sides)
    found = sm.compare(small_network(0), small_network(1), data=images, policy=policy)
    assert [str(change) for change in found.changes] == [str(change) for change in stored.changes]
    assert found.exit_code == stored.exit_code
    assert found.save(tmp_path / "out").is_file()
    sides[0].save(tmp_path / "old")
    named = sm.compare(str(tmp_path / "old" / "assessment.json"), sides[1])
    assert named.to_json() == stored.to_json()
    with pytest.raises(errors.UsageError, match="expected a policy"):
        sm.compare(small_network(0), small_network(1), data=images)
    with pytest.raises(errors.UsageError, match="same one twice"):
        sm.compare(sides[0], sides[0])


def test_results_are_short_and_escaped(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path
) -> None:
    """Each result says itself in under 200 characters, and in HTML that no name can leave."""
    kind = type("<script>alert(1)</script>", (nn.Sequential,), {})
    net = kind(*small_network())
    policy.write_text(CLEAN)
    assessments = [sm.assess(model, images, policy=policy) for model in (net, small_network(1))]
    for result in (
        sm.measure("clean_accuracy", net, images),
        sm.measure("attack_accuracy", net, images, attack="FGSM", threat=sm.Linf(0.1)),
        assessments[0],
        sm.compare(*assessments),
        sm.certify(net, images[0][:2], images[1][:2], eps=0.01),
        sm.FGSM()(net, *images, threat=sm.Linf(0.1)),
    ):
        assert len(repr(result)) < 200
        assert "\n" not in repr(result)
        shown = result._repr_html_()
        assert "<div" in shown
        assert "<script" not in shown
    assert "data:image/png" in shown


def test_nothing_is_printed_of_a_short_measurement(
    images: tuple[torch.Tensor, torch.Tensor], capfd: pytest.CaptureFixture[str]
) -> None:
    """A measurement under two seconds shows no progress, and a function is told of it instead."""
    told: list[str] = []

    def note(what: str, _done: int, _total: int) -> None:
        told.append(what)

    row = {"attack": "FGSM", "threat": "linf:0.1"}
    sm.measure("attack_accuracy", small_network(), images, digits=20, **row)  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")
    sm.measure("attack_accuracy", small_network(), images, digits=20, progress=note, **row)  # type: ignore[arg-type]
    assert "FGSM" in told

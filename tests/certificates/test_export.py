"""Export: process and model unchanged, one export per model state."""

from __future__ import annotations

import gc
import logging
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from securemnist.certificates import Certificates, certificate, certify
from securemnist.certificates.graph.export import export
from securemnist.errors import NoCertificate
from tests.certificates.hostile import drawn, trap
from tests.certificates.in_place import replaced
from tests.certificates.networks import behind
from tests.certificates.unsupported import Branching


def plain() -> nn.Module:
    """A small network without a certificate cached for it."""
    torch.manual_seed(0)
    return behind(nn.ReLU()).eval().requires_grad_(False)


def certified(model: nn.Module) -> Certificates:
    """Certificates of four samples, labelled as the model classifies them."""
    x = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    return certify(model, x, model(x).argmax(1), eps=0.001)


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """The models that were exported."""
    done: list[nn.Module] = []
    export = certificate.export

    def counted(model: nn.Module, shape: tuple[int, ...]) -> object:
        done.append(model)
        return export(model, shape)

    monkeypatch.setattr(certificate, "export", counted)
    return done


def test_export_cached_per_model(exports: list[nn.Module]) -> None:
    """A second certificate of the same model reuses its graph and has the same margins."""
    model = plain()
    first, second = certified(model), certified(model)
    assert len(exports) == 1
    assert torch.equal(first.margins, second.margins)


def test_changed_weights_exported_again(exports: list[nn.Module]) -> None:
    """After a change of weights, the certificate is that of a new model with these weights."""
    model, other = plain(), plain()
    certified(model)
    for each in (model, other):
        each[2].weight.data.mul_(-3)  # type: ignore[index, union-attr]
    assert torch.equal(certified(model).margins, certified(other).margins)
    assert exports == [model, model, other]


def test_changed_external_weights_exported_again(exports: list[nn.Module]) -> None:
    """A change of weights that only a replaced `forward` uses is detected."""
    torch.manual_seed(0)
    model = replaced().eval().requires_grad_(False)
    certified(model)
    model[2].weight.data.mul_(-3)  # type: ignore[index, union-attr]
    margins = certified(model).margins
    certificate._NETWORKS.clear()
    assert torch.equal(margins, certified(model).margins)
    assert exports == [model] * 3


def test_replaced_layer_exported_again(exports: list[nn.Module]) -> None:
    """After a layer is replaced, the certificate is that of the new layer."""
    model = plain()
    certified(model)
    model[0] = nn.Hardtanh(0.2, 0.4)  # type: ignore[operator]
    other = plain()
    other[0] = nn.Hardtanh(0.2, 0.4)  # type: ignore[operator]
    assert torch.equal(certified(model).margins, certified(other).margins)
    assert exports == [model, model, other]


def test_changed_model_can_lose_certificates() -> None:
    """A cached graph certifies nothing for a model that can no longer be exported."""
    model = plain()
    certified(model)
    model[0] = nn.LPPool2d(3, 1)  # type: ignore[operator]
    with pytest.raises(NoCertificate, match="pow"):
        certified(model.eval())


def test_cached_graph_deleted_with_model() -> None:
    """No cached graph remains in memory when the model is deleted."""
    model = plain()
    certified(model)
    kept = len(certificate._NETWORKS)
    del model
    gc.collect()
    assert len(certificate._NETWORKS) < kept


@pytest.mark.parametrize("make", [plain, lambda: Branching().eval(), lambda: trap(drawn)])
def test_export_restores_process_state(
    make: type[nn.Module], capfd: pytest.CaptureFixture[str]
) -> None:
    """Random state, logging, warnings, gradient mode and output are unchanged, also after a refusal."""

    def state() -> list[object]:
        random = torch.get_rng_state().tolist()
        return [
            random,
            logging.getLogger("torch").level,
            warnings.filters[:],
            torch.is_grad_enabled(),
        ]

    model = make()
    x, y = torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.long)
    before = state()
    try:
        certify(model, x, y, eps=0.001)
    except NoCertificate:
        assert not isinstance(model, nn.Sequential)
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_export_leaves_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Capturing a graph logs nothing, so that a failed row is not followed by torch's own records."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
    with caplog.at_level(0):
        certify(model, torch.rand(2, 1, 28, 28), torch.tensor([0, 1]), eps=0.1)
    assert not caplog.records


def test_others_may_write_meanwhile(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """During an export, logs of others and what they print stay, and torch's loggers are as before."""

    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logging.getLogger("securemnist").error("an audit log that is full")
            print("printed", file=sys.stderr)
            logging.getLogger("torch.made_meanwhile").error("of torch")
            return x.flatten(1)[:, :10]

    torchs = logging.getLogger("torch").level
    export(Noisy().eval(), (1, 28, 28))
    assert [record.name for record in caplog.records] == ["securemnist"]
    assert capsys.readouterr().err == "printed\n"
    assert logging.getLogger("torch").level == torchs


def test_threads_take_turns() -> None:
    """Certificates of several threads are those of one, and logging is as before: export is not safe."""
    level = logging.getLogger("torch").level
    with ThreadPoolExecutor(4) as pool:
        models = [plain() for _ in range(8)]
        found = list(pool.map(certified, models))
    assert all(torch.equal(each.margins, found[0].margins) for each in found)
    assert logging.getLogger("torch").level == level

"""The cache of networks: whole files of the same recipe are used, everything else is trained again."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.input_spec import InputSpec
from securemnist.pipeline import cache
from securemnist.pipeline.cache import Trained
from securemnist.train import Recipe
from securemnist.train.subset import first_images
from securemnist.types import Progress, silent
from tests.pickle_trap import PickleTrap

RECIPE = Recipe(architecture="D", epochs=2, batch=64)


@pytest.fixture
def said() -> list[str]:
    """The sentences of the cache."""
    return []


@pytest.fixture
def get(small: DataSet, tmp_path: Path, said: list[str]) -> Callable[..., Trained]:
    """The network of a recipe and data, by default of RECIPE and the small splits."""

    def network(
        recipe: Recipe = RECIPE, data: DataSet = small, progress: Progress = silent
    ) -> Trained:
        return cache.network("net", recipe, data, tmp_path, say=said.append, progress=progress)

    return network


@pytest.fixture(scope="module")
def trained(small: DataSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """A cache with the network of RECIPE, and that network."""
    folder = tmp_path_factory.mktemp("trained")
    found = cache.network("net", RECIPE, small, folder, say=lambda _: None, progress=silent)
    return folder, found


def test_second_use_trains_nothing(
    get: Callable[..., Trained], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network in the cache is loaded, has its digest and history, and no training time."""
    first = get()
    monkeypatch.setattr(cache, "train", lambda *_, **__: pytest.fail("trained"))
    second = get()
    assert said[-1] == "net: from the cache"
    assert second.subject.digest == first.subject.digest
    assert second.record == dataclasses.replace(first.record, seconds=None)
    assert first.record.seconds is not None
    assert len(first.record.history) == RECIPE.epochs
    assert first.subject.name == "net"


def test_another_recipe_or_data_is_trained(
    get: Callable[..., Trained], said: list[str], small: DataSet
) -> None:
    """A changed recipe, and a changed number of training images, retrain with one sentence each."""
    first = get()
    other = get(dataclasses.replace(RECIPE, seed=1))
    fewer = get(dataclasses.replace(RECIPE, seed=1), first_images(small, 128))
    digests = {one.record.recipe_sha256 for one in (first, other, fewer)}
    assert len(digests) == len({one.subject.digest for one in (first, other, fewer)}) == 3
    reasons = [text for text in said if "trained again" in text]
    assert len(reasons) == 2
    for text in reasons:
        assert "expected this recipe and these training images, got others" in text
    assert "the first 128 of 256" in fewer.record.training_data


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(PickleTrap(path.with_name("trap"))))


def _no_manifest(path: Path) -> None:
    path.with_suffix(".json").unlink()


def _no_json(path: Path) -> None:
    path.with_suffix(".json").write_text("{")


def _other_form(path: Path) -> None:
    manifest = json.loads(path.with_suffix(".json").read_text())
    manifest["spec"] = InputSpec(3, 28, 28, 10).to_json()
    path.with_suffix(".json").write_text(json.dumps(manifest))


def _manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A damage that changes the manifest."""

    def damage(path: Path) -> None:
        manifest = json.loads(path.with_suffix(".json").read_text())
        change(manifest)
        path.with_suffix(".json").write_text(json.dumps(manifest))

    return damage


DAMAGES = {
    "cut": _cut,
    "flip": _flip,
    "pickle": _pickle,
    "no-manifest": _no_manifest,
    "no-json": _no_json,
    "other-form": _other_form,
    "loss-a-text": _manifest(lambda found: found["history"][0].update(loss="low")),
    "no-history": _manifest(lambda found: found["history"].clear()),
    "epoch-missing": _manifest(lambda found: found["history"].pop(0)),
    "epochs-too-many": _manifest(lambda found: found["history"].append(found["history"][-1])),
    "kept-none-of-them": _manifest(lambda found: found.update(epoch_kept=9)),
    "no-versions": _manifest(lambda found: found.pop("versions")),
    "versions-a-list": _manifest(lambda found: found.update(versions=["torch"])),
    "other-data-name": _manifest(lambda found: found["data"].update(name="<b>\x1b[31m")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_cache_is_trained_again(
    damage: Callable[[Path], None], get: Callable[..., Trained], said: list[str], tmp_path: Path,
    trained: tuple[Path, Trained],
) -> None:  # fmt: skip
    """A damaged file gives one sentence and the same network by training; no pickle is loaded."""
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    first = trained[1]
    damage(tmp_path / "net.safetensors")
    again = get()
    reasons = [text for text in said if "trained again" in text]
    assert len(reasons) == 1
    assert "\n" not in reasons[0]
    assert again.subject.digest == first.subject.digest
    assert again.record.seconds is not None
    assert not (tmp_path / "trap").exists()
    get()
    assert said[-1] == "net: from the cache"


def _stop_in(epoch: str) -> Progress:
    def stop(label: str, done: int, total: int) -> None:
        if epoch in label:
            raise KeyboardInterrupt

    return stop


def test_interrupted_training_continues(
    get: Callable[..., Trained], said: list[str], tmp_path: Path
) -> None:
    """After an interrupt no network is in the cache, and the next run begins at the next epoch."""
    with pytest.raises(KeyboardInterrupt):
        get(progress=_stop_in("epoch 2/2"))
    assert not (tmp_path / "net.safetensors").exists()
    labels: list[str] = []
    resumed = get(progress=lambda label, *_: labels.append(label))
    assert labels
    assert all("epoch 2/2" in label for label in labels)
    (tmp_path / "net.safetensors").unlink()
    assert get().subject.digest == resumed.subject.digest
    assert not list(tmp_path.glob("*.checkpoint"))


def test_damaged_checkpoint_starts_again(
    get: Callable[..., Trained], said: list[str], tmp_path: Path
) -> None:
    """A checkpoint that is damaged gives one sentence, and the training starts at its first epoch."""
    with pytest.raises(KeyboardInterrupt):
        get(progress=_stop_in("epoch 2/2"))
    (tmp_path / "net.latest.checkpoint").write_bytes(pickle.dumps(PickleTrap(tmp_path / "trap")))
    labels: list[str] = []
    get(progress=lambda label, *_: labels.append(label))
    assert "epoch 1/2" in labels[0]
    assert sum("the checkpoint is not used" in text for text in said) == 1
    assert not (tmp_path / "trap").exists()


def test_other_errors_of_a_training_are_raised(
    get: Callable[..., Trained], small: DataSet, tmp_path: Path
) -> None:
    """Without a checkpoint an error of the training is not taken for one of a checkpoint."""
    data = dataclasses.replace(small, train=small.train[:0])
    with pytest.raises(cache.UsageError, match="expected training images"):
        get(data=data)


def test_checkpoint_of_fewer_images_is_not_used(
    get: Callable[..., Trained], small: DataSet, said: list[str], tmp_path: Path
) -> None:
    """A checkpoint of another number of training images is refused."""
    with pytest.raises(KeyboardInterrupt):
        get(data=first_images(small, 128), progress=_stop_in("epoch 2/2"))
    get()
    assert any("expected a checkpoint of this recipe and data" in text for text in said)


def test_the_mark_of_a_cache(tmp_path: Path) -> None:
    """A folder is a cache by its mark, which is a file and no link."""
    assert not cache.is_ours(tmp_path)
    cache.begin(tmp_path)
    assert cache.is_ours(tmp_path)
    (linked := tmp_path / "linked").mkdir()
    (linked / "CACHEDIR.TAG").symlink_to(tmp_path / "CACHEDIR.TAG")
    assert not cache.is_ours(linked)


def test_a_folder_named_like_an_architecture(small: DataSet, cwd: Path) -> None:
    """A relative folder `D@models` holds the network that was trained, not one of `models`."""
    folder = Path("D@models")
    folder.mkdir()
    trained = cache.network("net", RECIPE, small, folder, say=lambda _: None, progress=silent)
    assert trained.record.sha256 == sha256((folder / "net.safetensors").read_bytes())
    assert trained.subject.recipe == RECIPE.to_json()

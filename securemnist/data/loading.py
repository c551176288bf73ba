"""Loading: the form of the data at a path, and its reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from securemnist.data import idx_folder
from securemnist.data.assembly import Splits, assembled, check_brightness, check_distinct
from securemnist.data.dataset import DataSet
from securemnist.data.description import Description
from securemnist.data.description import read as read_description
from securemnist.errors import DataError
from securemnist.types import Progress

Reader = Callable[[Path, Description, Progress], Splits]
_FORMS = (
    "a folder of IDX files, pictures (test/CLASS/*.png), Parquet files or CIFAR's .bin files, or a file "
    ".npz, .parquet or .toml"
)
_PICKLES = {".pkl", ".pickle", ".p", ".npy", ".pt", ".pth", ".mat", ".h5", ".hdf5"}
_CIFAR_PICKLES = ("data_batch_1", "test_batch", "cifar-10-batches-py", "cifar-100-python")


def load(path: Path | None = None, *, progress: Callable[..., None] | bool = True) -> DataSet:
    """The data set at `path`, or the bundled MNIST; see `DataSet.load`."""
    if path is None:
        return idx_folder.bundled()
    file, described = path, Description(path=str(path) or ".")
    if path.suffix == ".toml" and not path.is_dir():
        file, described = read_description(path)
    name = path.stem if path.suffix in (".toml", ".npz", ".parquet") else path.resolve().name
    if idx_folder.is_one(file):
        _refuse_option(file, described, resize=True)
        return idx_folder.load(file, described, name)
    reader, takes = _reader(file)
    _refuse_option(file, described, **{option: option != takes for option in ("layout", "resize")})
    from securemnist.view.progress import shown

    with shown(progress) as display:
        splits = reader(file, described, display)
        for part in splits.present:
            check_brightness(part, str(file))
        data = assembled(name, splits, where=str(file), progress=display)
        check_distinct(data.test, str(file))
    return data


def _reader(path: Path) -> tuple[Reader, str]:
    """The reader of the form at `path`, and the option of a description that it takes."""
    from securemnist.data import cifar_files, npz_file, parquet_files, picture_folder

    if path.suffix == ".npz":
        return npz_file.read, "layout"
    if path.suffix == ".parquet":
        return parquet_files.read, "resize"
    forms: dict[str, tuple[Reader, str]] = {}
    if path.is_dir() and any(path.glob("*.parquet")):
        forms["Parquet files"] = parquet_files.read, "resize"
    if cifar_files.is_folder(path):
        forms["CIFAR's files"] = cifar_files.read, ""
    if (path / "test").is_dir():
        forms["pictures"] = picture_folder.read, "resize"
    if len(forms) > 1:
        raise DataError(
            f"{path}: expected data of one form, got {' and '.join(forms)}; move one to another folder"
        )
    if not forms:
        raise DataError(_unknown(path))
    return next(iter(forms.values()))


def _unknown(path: Path) -> str:
    from securemnist.data import picture_folder

    if hint := idx_folder.hint(path):
        return f"{path}: expected {_FORMS}, got other files; {hint}"
    pickles = [name for name in _CIFAR_PICKLES if (path / name).exists()]
    if pickles or ((path / "meta").is_file() and (path / "test").is_file()):
        return (
            f"{path}: expected CIFAR's binary version (data_batch_1.bin, test_batch.bin), got the Python "
            "version, whose pickles can run code and are not read; download the binary version, or "
            "write arrays with numpy.savez (docs/data.md)"
        )
    if path.suffix in _PICKLES:
        return (
            f"{path}: expected {_FORMS}, got {path.suffix}, which is not read; write the arrays x_test "
            "and y_test with numpy.savez (docs/data.md)"
        )
    if advice := picture_folder.hint(path):
        return f"{path}: expected {_FORMS}, got {advice}"
    if nested := next(path.glob("*/test*.parquet"), None):
        return f"{path}: expected {_FORMS}, got Parquet files in {nested.parent.name}; name that folder"
    got = "a folder without them" if path.is_dir() else "another file" if path.exists() else "none"
    return f"{path}: expected {_FORMS}, got {got}; name your data with --data (docs/data.md)"


def _refuse_option(path: Path, described: Description, **refused: bool) -> None:
    for option, wrong in refused.items():
        if wrong and getattr(described, option) is not None:
            kinds = {"layout": "arrays (.npz, IDX)", "resize": "pictures (folders, Parquet)"}
            raise DataError(
                f"{path}: expected `{option}` for {kinds[option]}, got it for other data; remove it"
            )

"""`securemnist audit`: the log of a served model, verified and searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import FAILED, UNDECIDED, UsageError

if TYPE_CHECKING:
    from securemnist.audit.damage import Place
    from securemnist.audit.verification import Verification

_FOLDER = click.argument("folder", type=PATH)
_KEY = click.option(
    "--key", type=PATH, metavar="PUB", help="A copy of signing.pub. Default: the one in FOLDER."
)
_HEAD = click.option(
    "--head", type=PATH, metavar="FILE", help="A copy of head.json that was kept elsewhere."
)
_FIRST = click.option(
    "--from",
    "first",
    type=click.IntRange(1),
    default=1,
    metavar="LINE",
    help="The first line that is left, where older files were deleted on purpose.",
)


@click.group()
def audit() -> None:
    """Verify and search the audit log of `securemnist serve`."""


@audit.command()
@_FOLDER
@_KEY
@_HEAD
@_FIRST
@click.pass_context
def verify(
    ctx: click.Context, folder: Path, key: Path | None, head: Path | None, first: int
) -> None:
    """Name the first line in FOLDER that is not as it was written.

    Exit codes: 0 all lines are as written and signed; 1 a line was changed, removed, inserted, reordered
    or cut off; 2 no log, or no key; 3 the last lines are not signed yet.
    """
    from securemnist.audit import verification

    ctx.exit(_report(folder, verification.verify(folder, key=key, head=head, first=first), key))


@audit.command()
@_FOLDER
@click.option("--request", metavar="ID", help="Answers to this request.")
@click.option(
    "--image", type=PATH, metavar="FILE", help="Answers to this picture (PNG, JPEG, BMP)."
)
@click.option("--subject", metavar="TOKEN", help="Answers to the owner of the token with this id.")
@_KEY
@_HEAD
@_FIRST
@click.pass_context
def show(
    ctx: click.Context,
    folder: Path,
    request: str | None,
    image: Path | None,
    subject: str | None,
    key: Path | None,
    head: Path | None,
    first: int,
) -> None:
    """Print answers in FOLDER: who sent a picture, and the answer.

    The log is verified first. A picture is found by its exact pixels.

    Exit codes: 0 found, in a log that is as written; 1 no such answer, or a damaged log; 2 no log, or
    no key; 3 found, but the last lines of the log are not signed yet.
    """
    from securemnist.audit import search, verification

    if request is None and image is None and subject is None:
        raise UsageError("expected --request, --image or --subject, got none; name one")
    wanted = search.Wanted(request, _hash(folder, image), subject)
    code = _report(folder, verification.verify(folder, key=key, head=head, first=first), key)
    found = 0
    for place in search.answers(folder, wanted):
        found += 1
        say(_text(place, wanted.image))
    if not found:
        say("no answer in this log fits")
    ctx.exit(code if found or code == FAILED else FAILED)


def _report(folder: Path, result: Verification, key: Path | None) -> int:
    """Print what was found; the exit code."""
    say(
        f"{folder}: lines {result.first} to {result.last} are as written, signed up to {result.signed}"
    )
    for number, signed in result.unstopped:
        say(
            f"before line {number} the service was killed, or lines after {signed} were cut off or "
            "changed; only lines up to that one were signed then"
        )
    if not result.stopped and result.damage is None:
        say("the log has no end: the service runs, it was killed, or the last lines were cut off")
    if key is None:
        say("verified by the key beside the log; pass a copy kept elsewhere with --key")
    if result.damage is not None:
        say(f"damaged: {result.damage}")
        return FAILED
    if not result.whole:
        say(f"lines {result.signed + 1} to {result.last} are not signed yet")
        return UNDECIDED
    return 0


def _hash(folder: Path, image: Path | None) -> str | None:
    """The keyed hash of a picture, as this log stores it."""
    if image is None:
        return None
    from securemnist.audit import keys
    from securemnist.audit.image_hash import image_hashes
    from securemnist.data import picture
    from securemnist.data.samples import as_images

    images = as_images(picture.read(image, None)).numpy()
    return next(image_hashes(images, keys.image_key(folder)))


def _text(place: Place, image: str | None) -> str:
    """One answer as a line of text."""
    assert place.line is not None  # nosec B101 # noqa: S101 # only lines that can be read are found
    content = place.line.content
    classes, images = (_list(content.get(name)) for name in ("classes", "images"))
    said = [label for sent, label in zip(images, classes, strict=False) if image in (None, sent)]
    shown = ", ".join(map(str, said[:10])) + (", ..." if len(said) > 10 else "")
    number = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    return (
        f"line {place.line.number}, {content.get('time')}: {content.get('subject') or 'no token'} sent "
        f"request {content.get('request')!r} with {number} to {content.get('model')} "
        f"({str(content.get('model_digest'))[:12]}); status {content.get('status')}, "
        f"class {shown or 'none'}"
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []

"""Passphrases of private keys: of the environment, else typed without an echo."""

from __future__ import annotations

import os

import click

from securemnist.errors import UsageError

VARIABLE = "SECUREMNIST_KEY_PASSPHRASE"


def of_key() -> bytes:
    """The passphrase of an encrypted key; UsageError where there is none and no terminal to ask at."""
    return _from_environment() or _typed(confirm=False)


def new() -> bytes:
    """The passphrase of a new key: of the environment, else typed twice."""
    return _from_environment() or _typed(confirm=True)


def _from_environment() -> bytes:
    return os.environ.get(VARIABLE, "").encode(errors="surrogateescape")


def _typed(*, confirm: bool) -> bytes:
    try:
        text: str = click.prompt(
            "Passphrase of the key", hide_input=True, confirmation_prompt=confirm, err=True
        )
    except click.Abort as error:
        raise UsageError(
            f"expected a passphrase, got none; type it, or set {VARIABLE} in the environment"
        ) from error
    return text.encode()

"""Factories: functions of the user's project that build the model under assessment."""

from __future__ import annotations

import errno

import torch

from securemnist._util.torchvision_shim import importing
from securemnist._util.user_code import place
from securemnist.errors import ModelError, UsageError, first_line
from securemnist.project import imports


def call(spec: str) -> object:
    """What the factory pkg.module:name returns; ModelError where it raises."""
    dtype = torch.get_default_dtype()
    try:
        return importing(imports.attribute(spec, "fix --model"))
    except (UsageError, ModelError):
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"{spec}: expected a model, the factory raised {advice(error)}") from error
    finally:
        torch.set_default_dtype(dtype)  # a setting of the process, which attacks use


def advice(error: BaseException) -> str:
    """The error of a model's code, and what to do."""
    what = "run it separately to fix it"
    if type(error).__name__ == "SafetensorError" or getattr(error, "errno", 0) == errno.EINVAL:
        what = "a file of weights may be cut off, so copy it again"  # for that torch raises EINVAL
    if isinstance(error, TypeError) and "required" in str(error) and not place(error):
        what = "name a function without arguments that builds the model"
    if isinstance(error, NotImplementedError) and "() is not supported yet" in str(error):
        what = (
            "it is a program of torch.export: return the network that was exported, or a class around "
            "the program whose `train` returns self"
        )
    return f"{type(error).__name__} ({first_line(error):.200}){place(error)}; {what}"

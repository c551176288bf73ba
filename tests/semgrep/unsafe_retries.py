import json
import pickle

import numpy as np
import torch
import yaml
from safetensors.torch import load_file
from torch import load as read


def weights(path):
    try:
        return torch.load(path, weights_only=True)
    except Exception:
        # ruleid: safe-load-retried-unsafely
        return torch.load(path, weights_only=False)


def after_another_handler(path):
    try:
        with open(path, "rb") as file:
            state = read(file, weights_only=True)
    except OSError as error:
        raise LookupError(path) from error
    except (RuntimeError, pickle.UnpicklingError) as error:
        # ruleid: safe-load-retried-unsafely
        log(error)
        if "Unsupported" in str(error):
            state = read(path)
    else:
        log("read")
    finally:
        close()
    return state


def another_format(path):
    try:
        return load_file(path)
    except ValueError:
        # ruleid: safe-load-retried-unsafely
        return pickle.load(open(path, "rb"))


def arrays(path):
    try:
        return np.load(path)
    except ValueError:
        # ruleid: safe-load-retried-unsafely
        return np.load(path, allow_pickle=True)
    finally:
        close()


def settings(text):
    try:
        found = yaml.safe_load(text)
    except:
        # ruleid: safe-load-retried-unsafely
        found = yaml.load(text, Loader=yaml.Loader)
    return found


def refusal_stands(path):
    try:
        return torch.load(path, weights_only=True)
    # ok: safe-load-retried-unsafely
    except Exception as error:
        raise LookupError(path) from error


def safe_twice(path):
    try:
        return torch.load(path, weights_only=True)
    except OSError:
        # ok: safe-load-retried-unsafely
        return torch.load(path + ".bak", weights_only=True)


def another_safe_format(text):
    try:
        return json.loads(text)
    except ValueError:
        # ok: safe-load-retried-unsafely
        return yaml.safe_load(text)

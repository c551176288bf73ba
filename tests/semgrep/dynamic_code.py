import builtins
import code
import functools
import importlib
import os
import pickle
import re
import runpy
import sys

import pandas as pd
import torch
from sympy import sympify

# ruleid: text-runs-as-code
builtins.eval(text)
# ruleid: text-runs-as-code
program = compile(text, "x", "exec")
# ruleid: text-runs-as-code
runpy.run_path(path)
# ruleid: text-runs-as-code
pd.eval(text)
# ruleid: text-runs-as-code
sympify(text)
# ruleid: text-runs-as-code
code.InteractiveInterpreter().runcode(text)
# ok: text-runs-as-code
compile("1 + 1", "x", "eval")
# ok: text-runs-as-code
re.compile(text)
# ok: text-runs-as-code
torch.compile(net)
# ok: text-runs-as-code
runpy.run_module("http.server")

# ruleid: loader-passed-on
values = map(pickle.loads, contents)
# ruleid: loader-passed-on
read = torch.load
# ruleid: loader-passed-on
read = functools.partial(torch.load, map_location="cpu")
# ruleid: loader-passed-on
loaders = {"torch": torch.load}
# ruleid: loader-passed-on
def restore(path, load=torch.load):
    return load(path)
# ruleid: loader-passed-on
values = map(eval, texts)
# ruleid: loader-passed-on
frame = timed(pd.read_pickle, path)
# ruleid: loader-passed-on
values = map(builtins.eval, texts)
# ruleid: loader-passed-on
read = own or torch.load
# ruleid: loader-passed-on
read = own if fast else torch.load
# ruleid: loader-passed-on
allowed = {torch.load, torch.save}
# ok: loader-passed-on
net = torch.load("net.pt")
# ok: loader-passed-on
read = functools.partial(torch.load, weights_only=True)
# ok: loader-passed-on
save = torch.save
# ok: loader-passed-on
show(net.eval)

# ruleid: loader-by-name
__import__("pickle").loads(content)
# ruleid: loader-by-name
importlib.import_module("pickle").loads(content)
# ruleid: loader-by-name
getattr(torch, "load")("net.pt")
# ruleid: loader-by-name
getattr(os, "system")(command)
# ruleid: loader-by-name
sys.modules["pickle"].loads(content)
# ruleid: loader-by-name
reader = importlib.import_module("pickle")
# ruleid: loader-by-name
reader = pickle
# ruleid: loader-by-name
vars(pickle)["loads"](content)
# ruleid: loader-by-name
operator.methodcaller("loads", content)(pickle)
# ruleid: loader-by-name
getattr(pickle, name)(content)
# ruleid: loader-by-name
pickle.__dict__["loads"](content)
# ruleid: loader-by-name
readers = {"cache": pickle}
# ruleid: loader-by-name
__import__("torch").load("net.pt")
# ok: loader-by-name
__import__("torch").zeros(1)
# ok: loader-by-name
getattr(pickle, "HIGHEST_PROTOCOL", 4)
# ok: loader-by-name
torch.save(net, "net.pt", pickle_module=pickle)
# ok: loader-by-name
reader = importlib.import_module("json")
# ok: loader-by-name
getattr(torch, "float32")
# ok: loader-by-name
importlib.import_module("json").loads(text)

import functools
import importlib
import os

import dill
import torch
import torch as t
from torch import hub, load
from torch import load as read
from torch.jit import load as load_program

# ruleid: torch-load-runs-code
torch.load("net.pt", map_location="cpu", weights_only=False)
# ruleid: torch-load-runs-code
load("net.pt", weights_only=chosen)
# ruleid: torch-load-runs-code
read("net.pt", **options)
# ruleid: torch-load-runs-code
torch.load("net.pt", pickle_module=dill)
# ruleid: torch-load-runs-code
functools.partial(torch.load, weights_only=False)
# ruleid: torch-load-runs-code
importlib.import_module("torch").load("net.pt", weights_only=False)
# ruleid: torch-load-runs-code
getattr(torch, "lo" + "ad")("net.pt", weights_only=False)
# ruleid: torch-load-runs-code
options = dict(weights_only=False)
# ruleid: torch-load-runs-code
options = {"weights_only": False}
# ruleid: torch-load-runs-code
options["weights_only"] = False
# ok: torch-load-runs-code
options["weights_only"] = True
# ok: torch-load-runs-code
trainer.save_checkpoint("net.ckpt", weights_only=False)
# ok: torch-load-runs-code
torch.load("net.pt", weights_only=True)
# ok: torch-load-runs-code
read("net.pt", "cpu", weights_only=True)
# ok: torch-load-runs-code
json.load("net.json")

# ruleid: torch-load-by-default
torch.load("net.pt")
# ruleid: torch-load-by-default
t.load("net.pt", "cpu")
# ruleid: torch-load-by-default
net.load_state_dict(torch.load("net.pt"))
# ok: torch-load-by-default
torch.load("net.pt", weights_only=True)

# ruleid: torch-weights-only-disabled
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
# ruleid: torch-weights-only-disabled
os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
# ruleid: torch-weights-only-disabled
os.environ |= {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
# ruleid: torch-weights-only-disabled
variable = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
# ruleid: torch-weights-only-disabled
get_ipython().run_line_magic("env", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1")
# ruleid: torch-weights-only-disabled
get_ipython().system("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 python train.py")
# ok: torch-weights-only-disabled
get_ipython().run_line_magic("env", "TORCH_HOME=models")
# ok: torch-weights-only-disabled
os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
# ok: torch-weights-only-disabled
refused = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" in os.environ
# ok: torch-weights-only-disabled
refused = os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
# ruleid: torch-weights-only-disabled
torch.serialization.add_safe_globals([Net, eval])
# ok: torch-weights-only-disabled
torch.serialization.add_safe_globals([Net])
# ok: torch-weights-only-disabled
os.environ["TORCH_HOME"] = "models"

# ruleid: torch-jit-load-runs-code
torch.jit.load("net.pt")
# ruleid: torch-jit-load-runs-code
load_program("net.pt")
# ruleid: torch-jit-load-runs-code
torch.package.PackageImporter("net.pt")
# ruleid: torch-jit-load-runs-code
torch.export.load("net.pt2")
# ruleid: torch-jit-load-runs-code
torch._inductor.aoti_load_package("net.pt2")
# ok: torch-jit-load-runs-code
torch.jit.script(net)

# ruleid: torch-hub-runs-code
torch.hub.load("someone/nets", "lenet")
# ruleid: torch-hub-runs-code
hub.load_state_dict_from_url("https://example.org/net.pt")
# ruleid: torch-hub-runs-code
torch.utils.model_zoo.load_url("https://example.org/net.pt")
# ok: torch-hub-runs-code
torch.hub.get_dir()

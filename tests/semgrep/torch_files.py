import torch
import torch as t
from torch import hub, load
from torch import load as read
from torch.jit import load as load_program

# ruleid: torch-load-runs-code
torch.load("net.pt")
# ruleid: torch-load-runs-code
torch.load("net.pt", map_location="cpu", weights_only=False)
# ruleid: torch-load-runs-code
t.load("net.pt")
# ruleid: torch-load-runs-code
load("net.pt", weights_only=chosen)
# ruleid: torch-load-runs-code
read("net.pt", **options)
# ruleid: torch-load-runs-code
net.load_state_dict(torch.load("net.pt"))
# ok: torch-load-runs-code
torch.load("net.pt", weights_only=True)
# ok: torch-load-runs-code
read("net.pt", "cpu", weights_only=True)
# ok: torch-load-runs-code
json.load("net.json")

# ruleid: torch-jit-load-runs-code
torch.jit.load("net.pt")
# ruleid: torch-jit-load-runs-code
load_program("net.pt")
# ruleid: torch-jit-load-runs-code
torch.package.PackageImporter("net.pt")
# ok: torch-jit-load-runs-code
torch.jit.script(net)

# ruleid: torch-hub-runs-code
torch.hub.load("someone/nets", "lenet")
# ruleid: torch-hub-runs-code
hub.load_state_dict_from_url("https://example.org/net.pt")
# ok: torch-hub-runs-code
torch.hub.get_dir()

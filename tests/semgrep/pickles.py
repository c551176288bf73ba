import functools
import pickle
import pickle as p
from pickle import loads

import _pickle
import jsonpickle
import marshal
import multiprocessing.connection

import cloudpickle
import dill
import jax.numpy as jnp
import joblib
import numpy as np
import pandas as pd
import shelve
import torch
from fastai.vision.all import *
from joblib import load
from multiprocessing.reduction import ForkingPickler

# ruleid: pickle-runs-code
pickle.load(file)
# ruleid: pickle-runs-code
p.loads(content)
# ruleid: pickle-runs-code
loads(content)
# ruleid: pickle-runs-code
pickle.Unpickler(file).load()
# ruleid: pickle-runs-code
pickle._loads(content)
# ruleid: pickle-runs-code
pickle._Unpickler(file).load()
# ruleid: pickle-runs-code
ForkingPickler.loads(content)
# ruleid: pickle-runs-code
torch.storage._load_from_bytes(content)
# ruleid: pickle-runs-code
load_learner("net.pkl")
# ruleid: pickle-runs-code
pd.read_hdf("table.h5")
# ruleid: pickle-runs-code
dill.load(file)
# ruleid: pickle-runs-code
cloudpickle.loads(content)
# ruleid: pickle-runs-code
joblib.load("model.joblib")
# ruleid: pickle-runs-code
load("model.joblib")
# ruleid: pickle-runs-code
pd.read_pickle("table.pkl")
# ruleid: pickle-runs-code
shelve.open("table")
# ruleid: pickle-runs-code
_pickle.loads(content)
# ruleid: pickle-runs-code
jsonpickle.decode(text)
# ruleid: pickle-runs-code
marshal.loads(content)
# ruleid: pickle-runs-code
class Reader(pickle.Unpickler):
    pass
# ok: pickle-runs-code
marshal.dumps(value)
# ok: pickle-runs-code
pickle.dumps(value)
# ruleid: pickle-runs-code
torch.distributed.checkpoint.load({}, checkpoint_id="folder")
# ruleid: pickle-runs-code
joblib.numpy_pickle.load("model.joblib")
# ruleid: pickle-runs-code
hickle.load("table.h5")
# ok: pickle-runs-code
joblib.dump(value, "model.joblib")

# ruleid: numpy-load-runs-code
np.load("images.npy", allow_pickle=True)
# ruleid: numpy-load-runs-code
np.load("images.npy", allow_pickle=trusted)
# ruleid: numpy-load-runs-code
np.load("x.npy", None, True)
# ruleid: numpy-load-runs-code
np.load("x.npy", **options)
# ruleid: numpy-load-runs-code
np.lib.format.read_array(file, True)
# ruleid: numpy-load-runs-code
np.lib.npyio.NpzFile(file, allow_pickle=True)
# ruleid: numpy-load-runs-code
jnp.load("x.npy", allow_pickle=True)
# ruleid: numpy-load-runs-code
functools.partial(np.load, allow_pickle=True)
# ruleid: numpy-load-runs-code
reader("x.npy", allow_pickle=True)
# ruleid: numpy-load-runs-code
options = {"allow_pickle": True}
# ok: numpy-load-runs-code
_save_all("x.npz", images, allow_pickle=chosen)
# ok: numpy-load-runs-code
np.savez("x.npz", images, allow_pickle=True)
# ok: numpy-load-runs-code
np.lib.format.write_array(file, images, allow_pickle=False)
# ok: numpy-load-runs-code
np.lib.format.read_array(file, False)
# ok: numpy-load-runs-code
np.load("x.npy", None, False)
# ok: numpy-load-runs-code
np.load("images.npy")
# ok: numpy-load-runs-code
np.load("images.npy", allow_pickle=False)
# ruleid: numpy-load-runs-code
np.lib.format.read_array(file, allow_pickle=True)

# ruleid: pickle-over-connection
multiprocessing.connection.Client(("host", 1))
# ruleid: pickle-over-connection
multiprocessing.managers.BaseManager(("host", 1))
# ruleid: pickle-over-connection
socket.recv_pyobj()
# ok: pickle-over-connection
multiprocessing.Pipe()

import ctypes
import functools

import keras
import lightning
import mlflow.pyfunc
import numpy as np
import skops.io as sio
import tensorflow as tf
import torch
from cffi import FFI
from diffusers import DiffusionPipeline
from torch.utils.cpp_extension import load
from transformers import AutoModel
from ultralytics import YOLO

# ruleid: keras-load-runs-code
keras.models.load_model("net.keras", safe_mode=False)
# ruleid: keras-load-runs-code
tf.keras.models.load_model("net.h5")
# ruleid: keras-load-runs-code
keras.config.enable_unsafe_deserialization()
# ruleid: keras-load-runs-code
keras.models.load_model("net.keras", safe_mode=args.safe)
# ruleid: keras-load-runs-code
keras.saving.deserialize_keras_object(config, safe_mode=False)
# ruleid: keras-load-runs-code
keras.models.load_model("net.keras", None, True, False)
# ruleid: keras-load-runs-code
functools.partial(keras.models.load_model, safe_mode=False)
# ruleid: keras-load-runs-code
options = {"safe_mode": False}
# ok: keras-load-runs-code
keras.models.load_model("net.keras", None, True, True)
# ok: keras-load-runs-code
keras.models.load_model("net.keras", safe_mode=True)
# ok: keras-load-runs-code
keras.models.load_model("net.keras")

# ruleid: model-file-runs-code
tf.saved_model.load("net")
# ruleid: model-file-runs-code
lightning.LightningModule.load_from_checkpoint("net.ckpt")
# ruleid: model-file-runs-code
mlflow.pyfunc.load_model("net")
# ruleid: model-file-runs-code
sio.load("net.skops", trusted=True)
# ruleid: model-file-runs-code
sio.load("net.skops", trusted=sio.get_untrusted_types(file="net.skops"))
# ruleid: model-file-runs-code
YOLO("net.pt")
# ruleid: model-file-runs-code
YOLO(args.weights)
# ok: model-file-runs-code
YOLO("net.yaml")
# ok: model-file-runs-code
sio.load("net.skops", trusted=["my.Net"])
# ok: model-file-runs-code
Net.load_from_checkpoint("net.ckpt", weights_only=True)

# ruleid: remote-code-trusted
AutoModel.from_pretrained("someone/net", trust_remote_code=True)
# ruleid: remote-code-trusted
AutoModel.from_pretrained("someone/net", trust_remote_code=args.trust)
# ruleid: remote-code-trusted
DiffusionPipeline.from_pretrained("someone/net", custom_pipeline="someone/code")
# ok: remote-code-trusted
AutoModel.from_pretrained("someone/net", trust_remote_code=False)

# ruleid: native-code-loaded
ctypes.CDLL("./net.so")
# ruleid: native-code-loaded
torch.ops.load_library("net.so")
# ruleid: native-code-loaded
load("net", ["net.cpp"])
# ruleid: native-code-loaded
options.register_custom_ops_library("net.so")
# ruleid: native-code-loaded
ctypes.cdll["./net.so"]
# ruleid: native-code-loaded
np.ctypeslib.load_library("net", ".")
# ruleid: native-code-loaded
FFI().dlopen("./net.so")
# ok: native-code-loaded
ctypes.CDLL(None)
# ok: native-code-loaded
ctypes.CDLL("libc.so.6")

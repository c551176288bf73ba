"""Classes of Keras that a model file may name: layers of image classifiers, and what they consist of.

An allowlist, because a class named in a file is imported and called with arguments from the file. Layers
with code (Lambda), files (StringLookup) or other frameworks (TorchModuleWrapper) are not in it. Layers
that augment images, such as RandomFlip, pass them on unchanged when the model predicts.
"""

from __future__ import annotations

_LAYERS = (
    "Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D BatchNormalization "
    "Concatenate Conv1D Conv2D Conv2DTranspose Cropping2D Dense DepthwiseConv2D Dot Dropout "
    "EinsumDense ELU Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D "
    "GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization Identity "
    "InputLayer LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D Maximum Minimum Multiply "
    "MultiHeadAttention Normalization PReLU Permute RandomBrightness RandomContrast RandomFlip "
    "RandomRotation RandomTranslation RandomZoom ReLU Rescaling Reshape Resizing SeparableConv2D "
    "Softmax SpatialDropout1D SpatialDropout2D Subtract UnitNormalization UpSampling2D "
    "ZeroPadding2D"
)
_PARTS = {
    "keras": "DTypePolicy Functional Model Sequential",
    "keras.models": "Functional Model Sequential",
    "keras.src.models.functional": "Functional",
    "keras.src.models.sequential": "Sequential",
    "keras.layers": _LAYERS,
    "keras.initializers": (
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones "
        "OrthogonalInitializer Orthogonal RandomNormal RandomUniform TruncatedNormal "
        "VarianceScaling Zeros"
    ),
    "keras.regularizers": "L1 L2 L1L2 OrthogonalRegularizer",
    "keras.constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm",
}
# Module and class of everything that may be built.
CLASSES = frozenset((module, name) for module, names in _PARTS.items() for name in names.split())
# A reference to another layer's output, which is built of numbers alone.
TENSOR = "__keras_tensor__"


def is_known(module: object, name: object) -> bool:
    """Whether this is a class that may be built; both come from a file and may be of any type."""
    return isinstance(module, str) and isinstance(name, str) and (module, name) in CLASSES

"""Operators of ONNX that a network may have: those of image classifiers, each without a subgraph.

An allowlist, because a converter may look up an operator that it does not know by its name in torch.
"""

from __future__ import annotations

_NAMES = (
    "Abs Add AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape "
    "Conv ConvTranspose DepthToSpace Div Dropout Elu Equal Erf Exp Expand Flatten Floor Gather Gelu "
    "Gemm GlobalAveragePool GlobalMaxPool Greater GroupNormalization HardSigmoid HardSwish Identity "
    "InstanceNormalization LRN LayerNormalization LeakyRelu Less Log LogSoftmax MatMul Max MaxPool "
    "Mean Min Mish Mul Neg PRelu Pad Pow Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin "
    "ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid Sign Slice Softmax Softplus Softsign "
    "SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Transpose Unsqueeze Where"
)
OPERATORS = frozenset(_NAMES.split())

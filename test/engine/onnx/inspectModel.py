"""Checks ONNX files with the onnx package and prints their inferred shapes as JSON, one object by file."""

import json
import sys

import onnx
import onnx.checker
import onnx.shape_inference


def dimensions(value):
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in value.type.tensor_type.shape.dim]


def inspect(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    graph = inferred.graph
    values = [*graph.value_info, *graph.input, *graph.output]
    return {
        "opset": {entry.domain: entry.version for entry in model.opset_import},
        "metadata": {entry.key: entry.value for entry in model.metadata_props},
        "shapes": {value.name: dimensions(value) for value in values},
        "types": {value.name: value.type.tensor_type.elem_type for value in values},
        "operators": sorted({node.op_type for node in graph.node}),
    }


print(json.dumps({path: inspect(path) for path in sys.argv[1:]}))

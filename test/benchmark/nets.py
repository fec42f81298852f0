"""Small float nets as a graph's text (.mcu), whose weights are random but the same on every machine: one kind of layer
each, so that a change of a kernel shows in one row of counts.csv. `text(name)` is the graph.
"""
import random

# A net: the shape of its input, and its layers: conv(filters, kernel, stride, pad, group), group 0: depthwise; fc(outputs).
NETS = {
    "depthwise": ((8, 24, 24), [("conv", 8, 3, 1, 1, 0), ("conv", 8, 3, 2, 1, 0), ("conv", 8, 5, 1, 2, 0)]),
    "pointwise": ((16, 12, 11), [("conv", 40, 1, 1, 0, 1), ("conv", 17, 1, 1, 0, 1), ("conv", 24, 1, 2, 0, 1)]),
    "strided": ((3, 32, 32), [("conv", 8, 3, 2, 1, 1), ("conv", 16, 3, 2, 1, 1), ("conv", 20, 3, 1, 1, 1)]),
    "grouped": ((8, 14, 14), [("conv", 16, 3, 1, 1, 2), ("conv", 16, 3, 2, 0, 4)]),
    "fc": ((300,), [("fc", 101), ("fc", 50), ("fc", 10)]),
}


def text(name):
    random.seed(name)
    shape, layers = NETS[name]
    lines, value = [], "%x"
    parameter = "f32[1x" + "x".join(map(str, shape)) + "]"

    def weights(hint, *dims):
        count = 1
        for d in dims:
            count *= d
        numbers = ", ".join(f"{random.uniform(-0.5, 0.5):.3f}" for _ in range(count))
        lines.append(f"  const @{hint}: f32[{'x'.join(map(str, dims))}] = {{{numbers}}}")

    for i, (kind, m, *rest) in enumerate(layers):
        attributes = "act = relu"
        if kind == "conv":
            kernel, stride, pad, group = rest
            group = group or shape[0]
            weights(f"w{i}", m, shape[0] // group, kernel, kernel)
            shape = (m,) + tuple((d + 2 * pad - kernel) // stride + 1 for d in shape[1:])
            attributes += (f", strides = {{{stride}, {stride}}}, pads = {{{pad}, {pad}, {pad}, {pad}}}, group = {group}")
        else:
            weights(f"w{i}", m, shape[0])
            shape = (m,)
        weights(f"b{i}", m)
        result = f"f32[1x{'x'.join(map(str, shape))}]"
        lines.append(f"  %y{i}: {result} = {kind} {value}, @w{i}, @b{i} {{{attributes}}}")
        value = f"%y{i}"
    body = "\n".join(lines)
    return f"graph @{name}(%x: {parameter}) -> ({value}: {result}) {{\n{body}\n}}\n"


def input_shape(name):
    return NETS[name][0]

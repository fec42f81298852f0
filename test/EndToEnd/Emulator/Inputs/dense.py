#!/usr/bin/env python3
"""Prints a float graph of one input and many convolutions and fully connected layers, each of whose results is
an output: shapes that, quantized, take every path of the dense int8 kernels."""
import random

random.seed(4)
consts, nodes, outputs = [], [], []
views = {}


def weights(shape):
    n = len(consts)
    size = 1
    for d in shape:
        size *= d
    values = ", ".join(str(round(random.uniform(-0.5, 0.5), 3)) for _ in range(size))
    consts.append(f"  const @w{n}: f32[{'x'.join(map(str, shape))}] = {{{values}}}")
    return f"@w{n}"


def text(shape):
    return f"f32[{'x'.join(map(str, shape))}]"


def view(shape):
    """The input, reshaped."""
    if shape not in views:
        views[shape] = f"%x{len(views)}"
        nodes.append(f"  {views[shape]}: {text(shape)} = reshape %x")
    return views[shape]


def conv(x, m, kernel, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, bias=True, then="", after=None):
    w = weights((m, x[1] // group) + kernel)
    b = ", " + weights((m,)) if bias else ""
    size = [(x[2 + d] + pads[d] + pads[2 + d] - dilations[d] * (kernel[d] - 1) - 1) // strides[d] + 1 for d in (0, 1)]
    y = (1, m, size[0], size[1])
    name = f"%c{len(nodes)}"
    attrs = [f"strides = {{{strides[0]}, {strides[1]}}}", f"dilations = {{{dilations[0]}, {dilations[1]}}}",
             "pads = {" + ", ".join(map(str, pads)) + "}", f"group = {group}"]
    if then:
        attrs.append(f"act = {then}")
    nodes.append(f"  {name}: {text(y)} = conv {view(x)}, {w}{b} {{{', '.join(attrs)}}}")
    if after:
        op, kernel, strides = after
        y = (1, m) + tuple((y[2 + d] - kernel[d]) // strides[d] + 1 for d in (0, 1))
        pooled = f"%p{len(nodes)}"
        nodes.append(f"  {pooled}: {text(y)} = {op} {name} {{kernel = {{{kernel[0]}, {kernel[1]}}}, "
                     f"strides = {{{strides[0]}, {strides[1]}}}}}")
        name = pooled
    outputs.append(f"{name}: {text(y)}")


def fc(x, m, bias=True):
    w = weights((m, x[-1]))
    b = ", " + weights((m,)) if bias else ""
    name = f"%f{len(nodes)}"
    nodes.append(f"  {name}: {text(x[:-1] + (m,))} = fc {view(x)}, {w}{b}")
    outputs.append(f"{name}: {text(x[:-1] + (m,))}")


image, wide, deep, column = (1, 1, 30, 40), (1, 4, 12, 25), (1, 75, 4, 4), (1, 120, 10, 1)
few, eight = (1, 3, 16, 25), (1, 15, 8, 10)
same = (1, 1, 1, 1)
# Filters of 1, 2, 3 and 0 taps beyond a multiple of four and of 16, one part and several; 1 to 19 output channels.
conv(image, 6, (5, 5), after=("max_pool", (2, 2), (2, 2)), then="relu")
conv(image, 3, (10, 4), (2, 3), (4, 1, 5, 2))
conv(image, 2, (7, 7), (3, 3), dilations=(2, 3), bias=False)
conv(image, 1, (1, 1), (4, 5))
conv(image, 5, (1, 3), (7, 3))
conv(few, 5, (3, 3), (2, 2), same, then="clip(-1, 1)")
conv(wide, 7, (3, 3), pads=same, then="relu")
conv(wide, 6, (3, 3), (1, 3), (0, 2, 1, 0), group=2)
conv(wide, 4, (2, 2), after=("max_pool", (3, 3), (2, 2)))
conv(eight, 17, (3, 3), (2, 2), same, after=("max_pool", (2, 3), (1, 2)))
conv(eight, 19, (1, 1))
conv(eight, 3, (1, 1), (2, 3), (1, 0, 0, 1))
conv(eight, 9, (1, 1), after=("avg_pool", (8, 10), (8, 10)), then="relu")
conv(deep, 17, (3, 3), pads=same)
conv(deep, 18, (2, 3), after=("avg_pool", (3, 2), (3, 2)))
conv(deep, 33, (1, 1), bias=False)
conv(deep, 2, (4, 4))  # one pixel
conv(deep, 3, (4, 2))  # three
conv(column, 5, (3, 1), pads=(1, 0, 1, 0))
conv(column, 20, (1, 1), after=("max_pool", (10, 1), (10, 1)))
# Depthwise: rows of four and less, strides, dilations, more padding than rows, two filters a channel.
conv(eight, 15, (3, 3), pads=same, group=15, then="relu")
conv(wide, 4, (3, 3), (2, 2), same, group=4)
conv(wide, 4, (3, 3), group=4, dilations=(2, 1))
conv(wide, 8, (5, 5), pads=(2, 2, 2, 2), group=4, bias=False)
conv(wide, 4, (2, 3), (1, 4), group=4, dilations=(1, 2))
conv(deep, 75, (7, 7), pads=(3, 3, 3, 3), group=75)
conv(few, 6, (3, 3), pads=same, group=3, after=("max_pool", (2, 2), (2, 2)))
conv(column, 120, (3, 1), pads=(2, 0, 1, 0), group=120)
# fc: 0 to 3 outputs and inputs beyond four, 0 to 15 beyond 16.
fc((1, 1200), 5)
fc((8, 150), 4)
fc((16, 75), 3)
fc((400, 3), 6, bias=False)
fc((75, 16), 9)

print(f"graph @dense(%x: f32[1200]) -> ({', '.join(outputs)}) {{")
print("\n".join(consts + nodes))
print("}")

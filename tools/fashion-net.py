"""A net for Fashion-MNIST as a graph's text (.mcu), initialised at random: two convolutions with pooling, two fully
connected layers. Weights are uniform with the variance of He et al. (2015), 2 / inputs of a neuron.
"""
import math
import random


def constant(name, shape, bound):
    numbers = ", ".join(f"{random.uniform(-bound, bound):.6g}" if bound else "0" for _ in range(math.prod(shape)))
    print(f"  const @{name}: f32[{'x'.join(map(str, shape))}] = {{{numbers}}}")


def parameters(name, shape):
    constant(f"{name}.weight", shape, math.sqrt(6 / math.prod(shape[1:])))
    constant(f"{name}.bias", shape[:1], 0)


random.seed(1)
print("graph @fashion(%image: f32[1x1x28x28]) -> (%logits: f32[1x10]) {")
parameters("conv1", (12, 1, 5, 5))
parameters("conv2", (24, 12, 3, 3))
parameters("fc1", (64, 24 * 6 * 6))
parameters("fc2", (10, 64))
POOL = "act = relu, pool = max{kernel = {2, 2}, strides = {2, 2}}"
print(f"""  %h1: f32[1x12x14x14] = conv %image, @conv1.weight, @conv1.bias {{pads = {{2, 2, 2, 2}}, {POOL}}} loc("conv1")
  %h2: f32[1x24x6x6] = conv %h1, @conv2.weight, @conv2.bias {{{POOL}}} loc("conv2")
  %flat: f32[1x864] = reshape %h2 loc("flatten")
  %h3: f32[1x64] = fc %flat, @fc1.weight, @fc1.bias {{act = relu}} loc("fc1")
  %logits: f32[1x10] = fc %h3, @fc2.weight, @fc2.bias loc("fc2")
}}""")

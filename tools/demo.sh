#!/usr/bin/env bash
# LeNet-5 from ONNX to C on the host and on an emulated Cortex-M4: installs what is missing, builds, fetches MNIST, compiles
# the model as dense float and compressed (pruned while it is retrained, within one point of accuracy; 4-bit weights, int8
# activations), classifies the 10,000 test images with both compiled C programs, and prints a table. The search takes some
# minutes; an interrupt (Ctrl-C) ends it with the best candidate so far.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

tools/setup.sh
cmake --preset release >/dev/null
cmake --build build --target onnx-mcuc

data=$(tools/fetch-mnist.sh build/data/mnist)
images="resize=32x32,scale=1/255"
test_set="$data/t10k-images-idx3-ubyte:$images"
# Training (calibration among it) and validation are different images of the training set; the test set is only read at
# the end.
training="$data/train-images-idx3-ubyte:$images,range=0..50000"
calibration="$training,samples=512,seed=1"
validation="$data/train-images-idx3-ubyte:$images,range=50000..60000"

model=test/models/seed_lenet5.onnx
out=build/demo
rm -rf "$out" && mkdir -p "$out"
echo "== dense float"
build/bin/onnx-mcuc "$model" --name=lenet5 -o "$out/dense" --example --test="$test_set" --report="$out/dense.json" |
  tee "$out/dense.log"
echo
echo "== compressed: at most 0.01 below the float model on the validation images, a standard error included"
build/bin/onnx-mcuc "$model" --name=lenet5 -o "$out/compressed" --example --max-drop=0.01 \
  --calibrate="$calibration" --train="$training" --validate="$validation" --test="$test_set" --report="$out/compressed.json" |
  tee "$out/compressed.log"

echo
for variant in dense compressed; do
  # The executable: -O2, one constant test image, outputs and arena in it, prints the prediction.
  gcc -O2 "$out/$variant/lenet5.c" "$out/$variant/lenet5_example.c" -o "$out/$variant/lenet5" -lm
  echo "$variant program on the first test image: $("$out/$variant/lenet5")"
  size "$out/$variant/lenet5" | awk 'NR == 2 { print $4 }' >"$out/$variant.dec"
  test/benchmark/measure.sh "$out/$variant/lenet5.c" m4 | awk 'NR == 2 { print $2 }' >"$out/$variant.m4"
  awk '/^time on this machine/ { print $5 }' "$out/$variant.log" >"$out/$variant.us"
done
echo
/usr/bin/python3 tools/demo-table.py "$out" "$(cat "$data/NAME")"

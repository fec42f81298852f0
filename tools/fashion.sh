#!/usr/bin/env bash
# A net that nobody has trained, from its text to compressed C: fetches Fashion-MNIST (Debian's dataset-fashion-mnist),
# trains the net of fashion-net.py from its random initialisation (--epochs), prunes and quantizes it within one point, and
# prints the accuracy of the emitted C on the test images. Needs the build (tools/demo.sh makes it); takes some minutes.
#
#   tools/fashion.sh [FLAG …]              more flags of onnx-mcuc, --max-drop=0.005 for one
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

data=$(tools/fetch-mnist.sh --fashion)
train="$data/train-images-idx3-ubyte:scale=1/255"
out=build/fashion
mkdir -p "$out"
/usr/bin/python3 tools/fashion-net.py >"$out/fashion.mcu"
build/bin/onnx-mcuc "$out/fashion.mcu" -o "$out" --example --epochs=12 --max-drop=0.01 \
  --train="$train,range=0..50000" --validate="$train,range=50000..60000" \
  --calibrate="$train,range=0..50000,samples=512,seed=1" --test="$data/t10k-images-idx3-ubyte:scale=1/255" \
  --report="$out/report.json" "$@"

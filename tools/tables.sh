#!/usr/bin/env bash
# Tables 1 to 5 of "Deep Compression for PyTorch Model Deployment on Microcontrollers" (arXiv 2103.15972), made again with
# this compiler on the paper's two nets: dense float, pruned float (its own search, retraining within it) and pruned int8,
# with the paper's figures beside them, and what the compiler does by default. Installs what is missing, builds, fetches
# MNIST and CIFAR-10, and prints Markdown; it takes about 40 minutes on two cores.
#
#   tools/tables.sh [lenet5|cifar10]    one net only
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

tools/setup.sh >&2
cmake --preset release >/dev/null
cmake --build build --target onnx-mcuc >&2
nets=("${@:-lenet5 cifar10}")
for net in ${nets[*]}; do
  case $net in
    lenet5) data=$(tools/fetch-mnist.sh build/data/mnist) ;;
    cifar10) data=$(tools/fetch-cifar10.sh build/data/cifar10) ;;
    *) echo "tables.sh: no net $net; lenet5 or cifar10" >&2 && exit 1 ;;
  esac
  /usr/bin/python3 tools/tables.py "$net" "$data" "build/tables/$net"
done

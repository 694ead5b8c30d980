#!/usr/bin/env bash
# Times the forward and the tangent forward on a Hopper GPU beside cuBLAS, one JSON file a specification.
# usage: bench/hopper.sh JVPGEN FOLDER [SPECIFICATION...]     (names in bench/specs, without .toml; default: all that this lists)
set -uo pipefail
jvpgen=$1 folder=$2
shift 2
specs=$(dirname "$0")/specs
[ $# -gt 0 ] || set -- plain_d128 plain_d96 plain_d64 causal_d128 causal_d64 query_tangent_d128 softcap_d128 alibi_d128 bias_d128
mkdir -p "$folder"
for name in "$@"; do
  case $name in *_d64) shape=2x32x8192x8192 ;; bias*) shape=2x4x8192x8192 ;; *) shape=2x16x8192x8192 ;; esac
  programs=tangent_forward
  [[ $name != plain* ]] || programs=forward,tangent_forward
  "$jvpgen" verify "$specs/$name.toml" --programs "$programs" --device cuda --shapes 2x3x300x500 | tail -1
  "$jvpgen" bench "$specs/$name.toml" --programs "$programs" --device cuda --shapes $shape --rounds 15 --ceiling --json > "$folder/hopper_$name.json"
  grep -E '"(program|tflops|ratio)"' "$folder/hopper_$name.json" | tr -d '\n'
  echo
done

#!/usr/bin/env bash
# Runs `jvpgen verify` on a GPU under compute-sanitizer, over ragged shapes; exits 1 where it finds something, 77 where there is none.
# usage: bench/memory_check.sh [--hopper] JVPGEN [TOOL...]     (default: memcheck; initcheck, racecheck and synccheck are slower)
# --hopper: forward and tangent forward alone, of what reaches each kind of row sweep there: divided keys, boolean tensors whose tiles
# are classified, biases, two passes, rows that take more than one box, NaN in the padding.
set -uo pipefail
hopper=0
if [ "${1:-}" = --hopper ]; then
  hopper=1
  shift
fi
jvpgen=$1
shift
[ $# -gt 0 ] || set -- memcheck
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -1)
if [ -z "$sanitizer" ]; then
  echo "no compute-sanitizer in PATH or /usr/local/cuda*/bin; install CUDA's toolkit to check memory accesses" >&2
  exit 77
fi
specs=$(dirname "$0")/../examples/specs
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
most_jobs=4 # compiling takes longer than running
check() { # in turn with most_jobs - 1 others
  while [ "$(jobs -rp | wc -l)" -ge $most_jobs ]; do wait -n; done
  checked "$@" &
}
checked() { # name, specification, shapes, further options of verify
  local output status name=$1 specification=$2 shapes=$3
  shift 3
  for tool in "${tools[@]}"; do
    output=$("$sanitizer" --tool "$tool" --error-exitcode 99 "$jvpgen" verify "$specification" --device cuda --shapes "$shapes" "$@" 2>&1)
    status=$?
    echo "$name $tool: $(grep -E 'ERROR SUMMARY' <<< "$output" | sed 's/^=* *//') $(grep -E 'outputs passed' <<< "$output")"
    if [ $status -ne 0 ]; then
      touch "$folder/failed"
      grep -vE '^ok ' <<< "$output" | head -40
    fi
  done
}
example() { # name of an example, shapes
  check "$1" "$specs/$1.toml" "$2"
}
sweep() { # name, lines of a specification, shapes, further options of verify
  local name=$1
  printf 'dtype = "bf16"\n%b' "$2" > "$folder/$name.toml"
  shift 2
  check "$name" "$folder/$name.toml" "$@" --programs forward,tangent_forward
}
finish() {
  wait
  [ ! -e "$folder/failed" ]
  exit
}
tools=("$@")
if [ $hopper = 0 ]; then
  example plain 1x2x65x100,2x1x1x63,1x1x129x1
  example window_softcap 1x2x65x65,1x1x130x130
  example packed_documents 3x2x50x50
  example cross_q_tangent 2x2x33x90
  example relative_bias 2x2x33x41,1x1x65x127
  finish
fi
sweep plain 'head_dim_qk = 128\n' 1x2x65x100,2x1x1x63,1x1x129x1 --splits 1
sweep plain_in_parts 'head_dim_qk = 128\n' 1x2x129x300,1x1x65x513 --splits 3
sweep causal_in_parts 'head_dim_qk = 64\ncausal = "bottom_right"\n' 1x2x130x391 --splits 2
sweep drawn 'head_dim_qk = 64\ncausal = "top_left"\n' 2x140x65x65 # more blocks than a GPU has multiprocessors
sweep two_passes 'head_dim_qk = 256\n' 1x2x65x130 --splits 2
sweep rows_of_72 'head_dim_qk = 72\n' 2x2x65x100
sweep grouped 'head_dim_qk = 192\nhead_dim_v = 128\ngroup = 2\n' 2x2x65x100
sweep block_mask 'head_dim_qk = 128\nmask_tensor = { dims = ["q", "kv"] }\n' 2x2x200x333 --kept-tiles 0.25 --tile-size 64
sweep block_mask_in_parts 'head_dim_qk = 64\nmask_tensor = { dims = ["heads", "q", "kv"] }\n' 1x2x130x450 --splits 2 --kept-tiles 0.4 --tile-size 32
sweep bias 'head_dim_qk = 128\nbias = { dims = ["heads", "q", "kv"] }\ntangents = ["q", "k", "v", "bias"]\n' 2x2x65x127
sweep bias_in_parts 'head_dim_qk = 64\nbias = { dims = ["q", "kv"], dtype = "f32" }\n' 1x2x129x301 --splits 3
sweep softcap 'head_dim_qk = 64\nscore = "30 * tanh(z / 30)"\n' 1x2x65x100
sweep padded 'head_dim_qk = 128\nlayout = "padded"\n' 3x2x65x130 --splits 2
sweep packed 'head_dim_qk = 64\nlayout = "packed"\ncausal = "top_left"\n' 3x2x100x100
finish

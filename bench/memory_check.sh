#!/usr/bin/env bash
# Runs `jvpgen verify` on a GPU under compute-sanitizer, over ragged shapes; exits 1 where it finds something, 77 where there is none.
# usage: bench/memory_check.sh JVPGEN [TOOL...]     (default: memcheck; initcheck, racecheck and synccheck are slower)
set -uo pipefail
jvpgen=$1
shift
[ $# -gt 0 ] || set -- memcheck
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -1)
if [ -z "$sanitizer" ]; then
  echo "no compute-sanitizer in PATH or /usr/local/cuda*/bin; install CUDA's toolkit to check memory accesses" >&2
  exit 77
fi
specs=$(dirname "$0")/../examples/specs
failed=0
check() { # specification, shapes
  for tool in "${tools[@]}"; do
    output=$("$sanitizer" --tool "$tool" --error-exitcode 99 "$jvpgen" verify "$specs/$1.toml" --device cuda --shapes "$2" 2>&1)
    status=$?
    echo "$1 $tool: $(grep -E 'ERROR SUMMARY' <<< "$output" | sed 's/^=* *//') $(grep -E 'outputs passed' <<< "$output")"
    if [ $status -ne 0 ]; then
      failed=1
      grep -vE '^ok ' <<< "$output" | head -40
    fi
  done
}
tools=("$@")
check plain 1x2x65x100,2x1x1x63,1x1x129x1
check window_softcap 1x2x65x65,1x1x130x130
check packed_documents 3x2x50x50
check cross_q_tangent 2x2x33x90
check relative_bias 2x2x33x41,1x1x65x127
exit $failed

#!/usr/bin/env bash
# Runs the programs on a GPU with the inputs that a CPU had, and compares every output; exits 1 where one is too far away.
# usage: bench/same_tensors.sh JVPGEN FOLDER     with spec.toml, x.safetensors and y_cpu.safetensors in FOLDER
#        bench/same_tensors.sh --make JVPGEN FOLDER     makes them, on the CPU
set -euo pipefail
exec python3 "$(dirname "$0")/same_tensors.py" "$@"

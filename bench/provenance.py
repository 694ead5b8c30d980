"""Where figures come from: the commit, the GPU and its driver, as result files name them."""

import subprocess


def output_of(*command):
    """What a command prints; nothing if it fails or is not there."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""


def commit():
    return output_of("git", "rev-parse", "HEAD")


def gpu_and_driver():
    gpu, _, driver = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").partition(", ")
    return gpu, driver

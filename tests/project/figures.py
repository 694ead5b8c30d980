"""figures.py README ROOT: each figure of the table "Measured" is that of a record in the file which its row names."""

import json
import pathlib
import re
import sys

from rules import table_after


def records(path):
    content = json.loads(path.read_text())
    return content["records"] if isinstance(content, dict) else content


def names(row, record):
    """Whether a row's first cell ("`causal`, D = 64, ...") names a record's specification ("causal D=64"), if it has one."""
    words = row.replace("`", "").replace(" = ", "=").replace(",", "").split()
    return words[:2] == record["specification"].split()[:2] if "specification" in record else True


def stale(row, root):
    """Why a row is not what its file says; empty if it is."""
    what, program, shape, device, tflops, ratio, file = row
    path = root / re.search(r"\]\((bench/results/[\w.\-]+)\)", file).group(1)
    for record in records(path):
        if (record["program"], record["shape"], record["device"]) == (program.strip("`"), shape, device) and names(what, record):
            measured = f"{record['tflops']:.{len(tflops.partition('.')[2])}f}", f"{record['ratio']:.2f}"
            return "" if measured == (tflops, ratio) else f"{path.name} has {measured}"
    return f"{path.name} has no such record"


if __name__ == "__main__":
    rows = table_after(pathlib.Path(sys.argv[1]).read_text(), "Measured")
    wrong = [f"{' | '.join(row[:6])}: {why}" for row in rows if (why := stale(row, pathlib.Path(sys.argv[2])))]
    print(f"{len(rows)} rows", *wrong, sep="\n")
    sys.exit(0 if rows and not wrong else 1)

"""check.py RULE ROOT: prints what breaks one rule of the house; exits with 1 if anything does."""

import sys

from rules import RULES
from source_tree import SourceTree

if __name__ == "__main__":
    rule, root = sys.argv[1:]
    findings = RULES[rule](SourceTree(root=root))
    print(RULES[rule].__doc__)
    print("\n".join(findings))
    sys.exit(1 if findings else 0)

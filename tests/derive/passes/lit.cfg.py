"""lit tests: each .mlir file says in RUN lines what attn-opt must make of it. Called with --param bin=... and --param llvm=..."""
import os

import lit.formats

config.name = "attn passes"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = lit_config.params["work"]
config.environment["PATH"] = os.pathsep.join([lit_config.params["bin"], lit_config.params["llvm"], os.environ["PATH"]])

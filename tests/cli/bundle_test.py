"""Bundles from the command line: emitted, given machine code, verified; what was changed in them is found."""

import hashlib
import json
import os
import unittest

from program import SPECS, ProgramTest, call

PLAIN = SPECS / "plain.toml"
NO_NVRTC = {"JVPGEN_NVRTC": "/nowhere"}


class Bundle(ProgramTest):
    def setUp(self):
        super().setUp()
        self.bundle = self.folder / "bundle"
        self.succeeds("emit", PLAIN, "--programs", "forward", "--arch", "sm_80", "-o", self.bundle)

    def replace(self, name, old, new):
        """Changes a file of the bundle and its digest with it, as who means harm would."""
        path, metadata = self.bundle / name, self.bundle / "bundle.json"
        before = path.read_bytes()
        self.assertIn(old, before)
        after = before.replace(old, new, 1)
        path.write_bytes(after)
        text = metadata.read_text().replace(hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest())
        metadata.write_text(text.replace(f'"bytes": {len(before)}', f'"bytes": {len(after)}'))

    def test_what_was_emitted_is_verified(self):
        self.assertIn("texts are what its specification emits for sm_80", self.succeeds("bundle", "verify", self.bundle))
        answer = json.loads(self.succeeds("bundle", "verify", self.bundle, "--json"))
        self.assertEqual(answer["differences"], [])
        self.assertFalse(answer["machine_code_verified"])

    def test_changes_are_found(self):
        kernel = json.loads((self.bundle / "bundle.json").read_text())["variants"][0]["launches"][0]["source"]
        self.replace(kernel, b"#include", b"// added\n#include")
        error = self.fails(1, "bundle", "verify", self.bundle)
        self.assertRegex(error, rf"{kernel}:\d+: '// added' stands where '.*' is emitted")
        self.succeeds("emit", PLAIN, "--programs", "forward", "--arch", "sm_80", "-o", self.bundle)
        self.replace("abi.cuh", b"i64 batch", b"i64 patch")
        self.assertIn("abi.cuh:", self.fails(1, "bundle", "verify", self.bundle))

    def test_changed_schedules_and_specifications_are_found(self):
        metadata = self.bundle / "bundle.json"
        metadata.write_text(metadata.read_text().replace('"owners": "bnri"', '"owners": "bnr"', 1))
        self.assertIn("bundle.json:", self.fails(1, "bundle", "verify", self.bundle))
        self.succeeds("emit", PLAIN, "--programs", "forward", "--arch", "sm_80", "-o", self.bundle)
        self.replace("specification.toml", b"0.125", b"0.25")
        self.fails(1, "bundle", "verify", self.bundle)
        self.fails(2, "bundle", "verify", self.folder)

    def test_machine_code_is_added_and_verified(self):
        self.succeeds("compile", "--bundle", self.bundle, "--arch", "sm_80,sm_89")
        code = json.loads((self.bundle / "bundle.json").read_text())["machine_code"]
        self.assertEqual([entry["arch"] for entry in code], ["sm_80", "sm_89"])
        self.assertTrue(json.loads(self.succeeds("bundle", "verify", self.bundle, "--json"))["machine_code_verified"])
        self.assertEqual(call("bundle", "verify", self.bundle, environment=NO_NVRTC).returncode, 3)
        self.assertEqual(call("bundle", "verify", self.bundle, "--texts-only", environment=NO_NVRTC).returncode, 0)
        self.replace(code[0]["file"]["name"], b".text", b".taxt")
        self.assertIn("is not what its text compiles to", self.fails(1, "bundle", "verify", self.bundle))

    def test_a_bundle_in_the_current_directory_is_not_found_by_itself(self):
        here = os.getcwd()
        os.chdir(self.bundle)
        try:
            self.fails(2, "compile")
            self.fails(2, "bundle", "verify")
        finally:
            os.chdir(here)
        self.fails(2, "compile", PLAIN, "--bundle", self.bundle)


if __name__ == "__main__":
    unittest.main()

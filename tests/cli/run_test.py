"""jvpgen run: wrong tensors are named, failures leave nothing behind, padding is written as documented."""

import json
import math
import unittest

from program import ProgramTest, call, read_tensors, write_tensors

TINY = 'dtype = "f32"\nhead_dim_qk = 8\n'
SHAPE = [2, 1, 3, 8]


def tensor(shape, start=0):
    return ("F32", shape, [math.sin(start + k) for k in range(math.prod(shape))])


def primals():
    return {name: tensor(SHAPE, start) for start, name in enumerate("qkv")}


class Run(ProgramTest):
    def setUp(self):
        super().setUp()
        self.inputs, self.outputs = self.folder / "x.safetensors", self.folder / "y.safetensors"

    def words(self, spec=TINY, outputs=None):
        return ["run", self.spec(spec), "--inputs", self.inputs, "--outputs", outputs or self.outputs, "--device", "cpu"]

    def refuses(self, tensors, *more, spec=TINY):
        """The message for these inputs; nothing may be written."""
        write_tensors(self.inputs, tensors)
        error = self.fails(2, *self.words(spec), *more)
        self.assertFalse(self.outputs.exists())
        return error


class WrongTensors(Run):
    def test_shape(self):
        error = self.refuses({**primals(), "v": tensor([2, 1, 4, 8])})
        self.assertRegex(error, r"tensor 'v' has shape \[2, 1, 4, 8\]; \[batch, kv_heads, kv_length, 8\] is expected "
                                r"with batch = 2 \(from 'q'\).*kv_length = 3 \(from 'k'\)")

    def test_type(self):
        error = self.refuses({**primals(), "k": ("I32", SHAPE, [1] * 48)})
        self.assertIn("tensor 'k' has type i32; f32 is expected; convert it", error)

    def test_missing(self):
        inputs = primals()
        del inputs["v"]
        self.assertRegex(self.refuses(inputs), r"tensor 'v' is missing; it must have type f32 and shape \[batch")
        self.assertIn("tensor 'tq' is missing", self.refuses(primals(), "--programs", "tangent_forward"))

    def test_truncated(self):
        write_tensors(self.inputs, primals())
        whole = self.inputs.read_bytes()
        for length in [0, 7, 8, 40, len(whole) - 4]:
            self.inputs.write_bytes(whole[:length])
            self.assertIn("x.safetensors'", self.fails(2, *self.words()))
        self.inputs.write_bytes(whole + b"more")
        self.assertIn("4 bytes at its end belong to no tensor", self.fails(2, *self.words()))
        self.assertFalse(self.outputs.exists())

    def test_no_file(self):
        self.assertRegex(self.fails(2, *self.words()), r"cannot open '.*x\.safetensors': No such file.*; see")

    def test_lengths_out_of_range(self):
        padded = {**primals(), "q_lengths": ("I32", [2], [3, 4]), "kv_lengths": ("I32", [2], [3, 3])}
        error = self.refuses(padded, spec=TINY + 'layout = "padded"\n')
        self.assertIn("tensor 'q_lengths' holds 4 for sequence 1; lengths from 0 to 3 are possible", error)

    def test_an_unknown_tensor_is_pointed_out_and_left_alone(self):
        write_tensors(self.inputs, {**primals(), "qq": tensor([1])})
        done = call(*self.words())
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"notice: '.*x\.safetensors' holds 'qq', which is no tensor of 'case'")


class Programs(Run):
    def test_those_are_run_that_the_file_has_inputs_for(self):
        write_tensors(self.inputs, {**primals(), **{"t" + name: tensor(SHAPE) for name in "qkv"}, "do": tensor(SHAPE)})
        report = json.loads(self.succeeds(*self.words(), "--json"))
        self.assertEqual(report["programs"], ["tangent_forward"])  # it writes o and lse too
        self.assertEqual(report["left_out"], {"backward": ["dlse"], "tangent_backward": ["dto", "dlse", "dmu"]})
        self.assertEqual(set(read_tensors(self.outputs)), {"o", "lse", "to", "mu"})
        self.assertEqual(report["tensors"]["to"], {"dtype": "f32", "shape": SHAPE})

    def test_two_programs_that_write_the_same_gradients_are_refused(self):
        self.assertIn("run one after the other", self.refuses(primals(), "--programs", "backward,tangent_backward"))


class Failures(Run):
    """Whatever happens while the outputs are written, an older file stays whole and no part of a new one is left."""

    def setUp(self):
        super().setUp()
        write_tensors(self.inputs, primals())
        self.words_here = self.words()
        self.before = set(self.folder.iterdir())

    def leaves_nothing(self, status, *words, **how):
        error = self.fails(status, *words, **how)
        self.assertEqual(set(self.folder.iterdir()), self.before)
        return error

    def test_no_room(self):
        self.assertIn("cannot write", self.leaves_nothing(3, *self.words_here, bytes_at_most=300))

    def test_no_room_beside_an_older_file(self):
        self.outputs.write_text("older")
        self.before.add(self.outputs)
        self.leaves_nothing(3, *self.words_here, bytes_at_most=300)
        self.assertEqual(self.outputs.read_text(), "older")

    def test_a_folder_is_no_file(self):
        self.assertIn("a folder; give the name of a file", self.leaves_nothing(2, *self.words(outputs=self.folder)))

    def test_no_such_folder(self):
        self.assertIn("make it first", self.leaves_nothing(2, *self.words(outputs=self.folder / "none" / "y.safetensors")))


class Padding(Run):
    def test_padded_rows_are_written_as_documented(self):
        """o, to, mu and gradients are 0, lse is -inf; infinities and NaN in the padding reach nothing."""
        lengths = {"q": [3, 1], "kv": [2, 3]}
        tensors = {f"{side}_lengths": ("I32", [2], n) for side, n in lengths.items()}
        names = ["q", "k", "v", "tq", "tk", "tv", "do", "dto", "dlse", "dmu"]
        for start, name in enumerate(names):
            side = "kv" if name.strip("t") in "kv" else "q"
            width = 1 if name in ["dlse", "dmu"] else 8
            numbers = [math.sin(start + k) if k // width % 3 < lengths[side][k // (3 * width)] else
                       [math.nan, math.inf, -math.inf][k % 3] for k in range(6 * width)]
            tensors[name] = ("F32", SHAPE[:3] if width == 1 else SHAPE, numbers)
        write_tensors(self.inputs, tensors)
        self.succeeds(*self.words(TINY + 'layout = "padded"\n'))
        written = read_tensors(self.outputs)
        self.assertEqual(set(written), {"o", "to", "lse", "mu", "dq", "dk", "dv", "dtq", "dtk", "dtv"})
        for name, (shape, numbers) in written.items():
            side = "kv" if name[-1] in "kv" else "q"
            width = len(numbers) // 6
            for k, x in enumerate(numbers):
                if k // width % 3 < lengths[side][k // (3 * width)]:
                    self.assertTrue(math.isfinite(x), f"{name}[{k}] = {x}")
                else:
                    self.assertEqual(x, -math.inf if name == "lse" else 0, f"{name}[{k}]")


def merged(a, b):
    """Attention over two parts of the keys made one, as docs/math.md has it; rows of one feature or of eight."""
    weights = [1 / (1 + math.exp(x - y)) for x, y in zip(a["lse"], b["lse"])]
    tangents = [g * (1 - g) * (y - x) for g, x, y in zip(weights, a["mu"], b["mu"])]

    def mean(name):
        width = len(a[name]) // len(weights)
        return [x + weights[k // width] * (y - x) for k, (x, y) in enumerate(zip(a[name], b[name]))]

    drift = [tangents[k // 8] * (y - x) for k, (x, y) in enumerate(zip(a["o"], b["o"]))]
    return {"o": mean("o"), "mu": mean("mu"), "to": [x + d for x, d in zip(mean("to"), drift)],
            "lse": [max(x, y) + math.log1p(math.exp(-abs(x - y))) for x, y in zip(a["lse"], b["lse"])]}


class Merging(Run):
    def part(self, tensors, begin, end):
        """What the program computes over the keys from `begin` to `end`."""
        cut = {}
        for name, (dtype, shape, numbers) in tensors.items():
            if name in ["k", "v", "tk", "tv"]:
                rows = range(shape[2] * shape[0])
                numbers = [x for row in rows if begin <= row % shape[2] < end for x in numbers[8 * row:8 * row + 8]]
                shape = [shape[0], 1, end - begin, 8]
            cut[name] = (dtype, shape, numbers)
        write_tensors(self.inputs, cut)
        self.succeeds(*self.words(), "--programs", "tangent_forward")
        return {name: numbers for name, (_, numbers) in read_tensors(self.outputs).items()}

    def test_two_parts_of_the_keys_give_the_whole(self):
        tensors = {name: tensor([2, 1, 3 if name.endswith("q") else 11, 8], 7 * start)
                   for start, name in enumerate(["q", "k", "v", "tq", "tk", "tv"])}
        whole, halves = self.part(tensors, 0, 11), merged(self.part(tensors, 0, 4), self.part(tensors, 4, 11))
        for name, numbers in whole.items():
            for x, y in zip(numbers, halves[name]):
                self.assertAlmostEqual(x, y, delta=2e-6, msg=name)


if __name__ == "__main__":
    unittest.main()

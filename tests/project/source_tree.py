"""The project's files as the rules see them: paths and texts, from git or from a dictionary."""

import pathlib
import subprocess

CODE = (".h", ".cpp", ".cuh", ".cu", ".td")
OTHERS = "third_party/"  # files of other projects, kept as they are


class SourceTree:
    """Files by path relative to the root, read when asked for."""

    def __init__(self, texts=None, root=None):
        self.root = pathlib.Path(root) if root else None
        self.texts = dict(texts or {})
        self.paths = sorted(self.texts) if texts is not None else self._listed_by_git()

    def _listed_by_git(self):
        """Tracked files, and new ones that git does not ignore: a rule should speak before the commit."""
        listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=self.root,
                                 check=True, capture_output=True, text=True).stdout
        return sorted(p for p in set(listing.split("\0")) if p and (self.root / p).is_file())

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self.texts[path]

    def exists(self, path):
        """Whether a file or a folder of that name belongs to the project."""
        path = path.rstrip("/")
        return any(p == path or p.startswith(path + "/") for p in self.paths)

    def code(self, suffixes=CODE):
        return [p for p in self.paths if p.endswith(suffixes) and not p.startswith(OTHERS)]

"""Just enough of C++'s lexical structure to find the bodies of functions."""

import re

# Comments, raw strings, strings, characters (not the ' between digits), preprocessor lines with their continuations.
_OPAQUE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<tag>[^\s()\\]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"""
    r"""|^[ \t]*\#(?:\\\n|[^\n])*""",
    re.S | re.M)

# What stands before the brace of a scope that may hold functions.
_SCOPE = re.compile(r"(?:^|\s)(?:namespace|class|struct|union|extern)\b(?![^{]*\)\s*(?:const|noexcept|override|final|\s)*$)")


def without_opaque(text):
    """The text with comments, literals and directives blanked out; line numbers stay."""
    return _OPAQUE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def functions(text):
    """(name, first line, lines) of each function defined at namespace or class level; the signature counts."""
    text = without_opaque(text)
    found, open_scopes, head_start, inside = [], [], 0, None
    for at, char in enumerate(text):
        if char not in "{};":
            continue
        head = text[head_start:at]
        if char == "{":
            kind = "scope" if _SCOPE.search(head) else "function" if "(" in head and not _is_value(head) else "other"
            is_function = kind == "function" and all(k == "scope" for k in open_scopes)
            open_scopes.append(kind)
            if is_function:
                begin = head_start + len(head) - len(head.lstrip())
                inside = (len(open_scopes), begin, _name(head))
        elif char == "}" and open_scopes:
            if inside and inside[0] == len(open_scopes):
                first = text.count("\n", 0, inside[1]) + 1
                found.append((inside[2], first, text.count("\n", 0, at) + 2 - first))
                inside = None
            open_scopes.pop()
        head_start = at + 1
    return found


def _is_value(head):
    """An initialiser such as `x = f({`, not a body; an operator may have = in its name, and defaults stand in parentheses."""
    depth_free = re.sub(r"\([^()]*\)", "", re.sub(r"operator\s*\S+?\s*(?=\()", "operator", head))
    return bool(re.search(r"(?<![<>=!])=(?!=)", depth_free.split("requires")[-1])) and "template" not in depth_free


def _name(head):
    names = re.findall(r"([~\w:]+|operator[^\s(]+)\s*\(", head)
    return names[0] if names else "?"

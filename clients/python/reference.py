#!/usr/bin/python3
"""Writes docs/reference.md from the docstrings.

usage: reference.py [--check]

With --check it writes nothing, and fails where the page is not what it would
write.
"""

from __future__ import annotations

import enum
import inspect
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import medplum_pdp  # noqa: E402
import medplum_pdp.flask  # noqa: E402
import medplum_pdp.sqlalchemy  # noqa: E402

PAGE = HERE / "docs/reference.md"
HEAD = """# Reference of medplum_pdp

Written by `clients/python/reference.py` from the docstrings. Messages
(`Context`, `Resource`, `Subject` and so on) are those of
`proto/medplum/pdp/v1`, whose comments say what they mean. `Json` is a resource
as a mapping or as its text; `Some` is an iterable, asynchronous or not; a
`Hook` takes a CallReport, a `TokenProvider` nothing and returns a token.
"""
ATTRIBUTE = re.compile(r"    (?P<name>[a-z]\w*): (?P<type>[^=]+?)(?: = .*)?$|"
                       r"    (?P<member>[A-Z_]+) = ")


def documentation(thing: object) -> str:
    return inspect.cleandoc(thing.__doc__ or "")


def signature(name: str, function: object) -> str:
    try:
        text = str(inspect.signature(function))
    except (TypeError, ValueError):
        return name
    text = re.sub(r"\bself, |\(self\)", lambda m: "()" if m.group(0) == "(self)"
                  else "", text)
    # Types as one would write them.
    text = re.sub(r"\b(?:_core|types_pb2|decision_pb2|typing|types)\.", "",
                  text)
    text = text.replace("CallOptions(timeout=None, traceparent=None, "
                        "request_id=None)", "CallOptions()")
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    text = text.replace("_Some[", "Some[")
    return name + text


def attributes(cls: type) -> list[str]:
    """Fields and members, with the `#:` comments before them."""
    found, comments = [], []
    for line in inspect.getsource(cls).splitlines():
        comment = re.match(r"\s+#: (.*)", line)
        if comment:
            comments.append(comment.group(1))
            continue
        match = ATTRIBUTE.match(line)
        if match:
            name = match.group("member") or match.group("name")
            kind = match.group("type")
            text = f"- `{name}`" + (f": `{kind}`" if kind else "")
            if comments:
                text += ". " + " ".join(comments)
            if not name.startswith("_"):
                found.append(text)
        elif comments and line.strip().startswith("# "):
            continue
        comments = []
    return found


def members(cls: type) -> list[str]:
    """Methods and properties of its own."""
    found = []
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            found.append(f"#### `{name}`\n\n{documentation(member)}".rstrip())
        elif inspect.isfunction(member) and member.__doc__:
            found.append(f"#### `{signature(name, member)}`\n\n"
                         f"{documentation(member)}")
    return found


def section(name: str, thing: object) -> str:
    if inspect.isclass(thing):
        if thing.__module__.endswith("_pb2"):
            return ""
        has_arguments = "__init__" in vars(thing) and \
            not issubclass(thing, (BaseException, enum.Enum)) and \
            not hasattr(thing, "__dataclass_fields__")
        title = signature(name, thing) if has_arguments else name
        parts = [f"### `{title.replace(' -> None', '')}`",
                 documentation(thing)]
        if hasattr(thing, "__dataclass_fields__") or \
                issubclass(thing, enum.Enum):
            parts.append("\n".join(attributes(thing)))
        parts += members(thing)
    elif inspect.isfunction(thing):
        parts = [f"### `{signature(name, thing)}`", documentation(thing)]
    else:
        return ""
    return "\n\n".join(part for part in parts if part) + "\n"


def page() -> str:
    parts = [HEAD]
    for module in (medplum_pdp, medplum_pdp.flask, medplum_pdp.sqlalchemy):
        parts.append(f"## {module.__name__}\n")
        parts += filter(None, (section(name, getattr(module, name))
                               for name in module.__all__))
    return "\n".join(parts)


def main() -> int:
    text = page()
    if sys.argv[1:] != ["--check"]:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/reference.md is not what the docstrings say; run "
              "clients/python/reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

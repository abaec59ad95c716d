#!/usr/bin/env python3
"""The README's table of values, from the comments of values.yaml.

    values_table.py           prints it
    values_table.py --write   puts it into the README
"""

import json
import re
import sys

from chart import README, VALUES_TEXT, values

BEGIN = "<!-- The values, written by tests/helm/values_table.py. -->"
END = "<!-- End of the values. -->"
KEY = re.compile(r"^( *)([A-Za-z][\w-]*):(.*)$")


def documented():
    """Each key of values.yaml as (path, comment), in order; the comment is
    empty where there is none.  What is below a list or is content (not a key of
    the chart) is left out."""
    path, comment, keys, opaque = [], [], [], None
    for line in VALUES_TEXT.splitlines():
        indent = len(line) - len(line.lstrip())
        if opaque is not None and line.strip() and indent > opaque:
            continue
        opaque = None
        if line.lstrip().startswith("#"):
            comment.append(line.strip()[1:].strip())
            continue
        match = KEY.match(line)
        if not match:
            comment = []
            continue
        path = path[:indent // 2] + [match.group(2)]
        keys.append((tuple(path), " ".join(comment)))
        comment = []
        value = default(path)
        if isinstance(value, list) or path[-1] == "labels":
            opaque = indent
    return keys


VALUES = values()


def default(path):
    value = VALUES
    for name in path:
        value = value[name]
    return value


def is_section(path):
    value = default(path)
    return isinstance(value, dict) and bool(value) and path[-1] != "labels"


def table():
    lines = ["| value | default | |", "|---|---|---|"]
    for path, comment in documented():
        if is_section(path):
            continue
        shown = json.dumps(default(path))
        comment = comment.replace("|", "\\|")
        lines.append(f"| `{'.'.join(path)}` | `{shown}` | {comment} |")
    return "\n".join(lines)


def main():
    if sys.argv[1:] != ["--write"]:
        print(table())
        return
    text = README.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()

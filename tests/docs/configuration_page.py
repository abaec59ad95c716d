#!/usr/bin/env python3
"""docs/configuration.md, from config.proto.

    configuration_page.py           prints it
    configuration_page.py --write   writes it
"""

import re
import sys

from configuration import ROOT, Field, Schema

PAGE = ROOT / "docs/configuration.md"

HEAD = """\
# Configuration

<!-- Written by tests/docs/configuration_page.py from the comments of
     proto/medplum/pdp/config/v1/config.proto; change those. -->

Every key of `pdpd`. A key stands in the YAML file that `--config` names, below its section, and is a flag under its whole name:

    limits:
      batch-items: 500

    --limits.batch-items 500

- A flag wins over the file. A list is given by the flag once for each value, and replaces the list of the file. Of a list of
  sections (`callers`, `medplum.login`, `session-rules`) a flag has one item, `--callers name=a,from=loopback`.
- Durations are a number with a unit: `500ms`, `30s`, `5m`, `1h`; a year at most. Sizes are numbers of bytes.
- Unknown keys, wrong types, repeated keys, anchors and aliases are refused with file, line and column; so is a value out of its range,
  and what does not go together. The server then ends with exit code 2, before it has opened anything.
- The configuration has no secrets, only the names of the files that do.
- **What a change takes.** The configuration is read at the start: each key needs a restart. What the files hold that keys name is read
  again without one where the column "changes" says so.
"""

UNITS = (("-bytes", "bytes"), ("-days", "days"), ("-percent", "percent"),
         ("-per-second", "a second"))


def kind(key):
    if key.enum:
        text = "one of " + ", ".join(f"`{name}`" for name, _ in key.enum.values)
        return text.replace("one of", "list of") if key.is_list else text
    if key.field.type == Field.TYPE_BOOL:
        return "`true`, `false`"
    if key.is_duration:
        return "duration"
    if key.is_number:
        for suffix, unit in UNITS:
            if key.name.endswith(suffix):
                return unit if unit != "a second" else "number a second"
        return "number"
    text = "file" if key.is_file else "text"
    return f"list of {text}s" if key.is_list else text


def readable(key, text):
    """Sizes with their names."""
    def named(match):
        number = int(match.group())
        for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
            if number and number % (1 << power) == 0:
                return f"{number} ({number >> power} {unit})"
        return match.group()
    return re.sub(r"\d{4,}", named, text) if key.name.endswith("-bytes") \
        else text


def literal(key, text):
    """Whether that could be written as the value."""
    if key.enum:
        return text in dict(key.enum.values)
    return text in ("true", "false") or bool(
        re.fullmatch(r"/\S+|[\d.]+:\d+|\d+[a-z]*", text))


def default(key):
    if key.required:
        return "required"
    text = key.facts.get("Default", "")
    if literal(key, text):
        text = readable(key, text)
        return re.sub(r"^\S+", lambda m: f"`{m.group()}`", text)
    return text or "none"


def meaning(key):
    values = key.enum.values if key.enum else ()
    return " ".join([key.meaning, *(f"`{name}`: {comment}" for name, comment
                                    in values if comment)]).strip()


def changes(key):
    reload = key.facts.get("Reload")
    if reload is None or reload == "restart":
        return "restart"
    return f"the file: {reload}"


def table(section):
    lines = ["| key | value | default | range | meaning | changes |",
             "|---|---|---|---|---|---|"]
    for key in section.keys:
        cells = (f"`{key.name}`", kind(key), default(key),
                 readable(key, key.facts.get("Range", "")), meaning(key),
                 changes(key))
        lines.append("| " + " | ".join(
            cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def title(section):
    if not section.path:
        return "The server"
    return f"`{section.path}`"


def page():
    parts = [HEAD]
    for section in Schema().sections:
        parts.append(f"\n## {title(section)}\n\n")
        flag = section.keys[0].flag.removesuffix(section.keys[0].name)
        if section.path and section.intro:
            parts.append(f"{section.intro}\n\n")
        if section.is_list:
            parts.append(f"A list; the flag: `--{section.path} "
                         "KEY=VALUE,KEY=VALUE`.\n\n")
        else:
            parts.append(f"The flags: `{flag}KEY`.\n\n")
        parts.append(table(section) + "\n")
    return "".join(parts)


def main():
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()

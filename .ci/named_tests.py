"""The tests of this tree, by the names that its pages give them:

    Suite.Test           a unit test in a *_test.cc
    Suite.Test/Case      a row of its table: a quoted name in its body
    binary:c0001         a recorded case of tests/conformance, by its scenario
    some_test.py: test_x a method of a Python test
    some.test.ts: title  a test of the TypeScript client
    roles.yaml: name     a test or matrix of the sample policies' suites
    matrix.json: title   a group of checks of tests/demo
"""

import json
import pathlib
import re
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNIT = re.compile(r"^TEST(?:_F)?\(\s*(\w+),\s*(\w+)\s*\)", re.M)
SHAPE = re.compile(
    r"[A-Z]\w*(?:Test|Concurrency)\.\w+(?:/.+)?"
    r"|[a-z0-9-]+:[cse]\d+"
    r"|\w+\.py: test_\w+"
    r"|[\w.]+\.test\.ts: .+"
    r"|[\w-]+\.(?:yaml|json): .+"
)


def files(pattern):
    for top in ("pdp", "store", "clients", "tests", "docs", "proto"):
        for file in (ROOT / top).rglob(pattern):
            if "node_modules" not in file.parts:
                yield file


def _unit_tests():
    """The body of every unit test by `Suite.Test`."""
    bodies = {}
    for file in files("*_test.cc"):
        text = file.read_text(encoding="utf-8")
        starts = list(UNIT.finditer(text))
        for match, after in zip(starts, starts[1:] + [None]):
            end = after.start() if after else len(text)
            bodies[".".join(match.groups())] = text[match.end() : end]
    return bodies


def _recorded():
    """The ids of the recorded cases by scenario."""
    found = {}
    with tarfile.open(ROOT / "tests/conformance/vectors.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".json"):
                content = json.load(archive.extractfile(member))
                found[pathlib.PurePath(member.name).stem] = {
                    entry["id"]
                    for kind in ("checks", "searches", "effective")
                    for entry in content.get(kind, [])
                }
    return found


class NamedTests:
    def __init__(self):
        self.units = _unit_tests()
        self._recorded = None
        self._texts = {}

    def has(self, name):
        file, colon, title = name.partition(": ")
        if colon:
            return any(self._says(text, title) for text in self._text(file))
        scenario, colon, case = name.partition(":")
        if colon and "/" not in scenario and "." not in scenario:
            if self._recorded is None:
                self._recorded = _recorded()
            return case in self._recorded.get(scenario, ())
        test, _, case = name.partition("/")
        body = self.units.get(test)
        return body is not None and (not case or f'"{case}"' in body)

    def _text(self, file):
        if file not in self._texts:
            self._texts[file] = [
                (file, found.read_text(encoding="utf-8"))
                for found in files(file)
            ]
        return self._texts[file]

    @staticmethod
    def _says(text, title):
        file, content = text
        if file.endswith(".py"):
            return f"def {title}(" in content
        if file.endswith(".ts"):
            return any(f"it({q}{title}{q}" in content for q in "'\"`")
        if file.endswith(".yaml"):
            return f"- name: {title}\n" in content
        return f'"title": "{title}"' in content

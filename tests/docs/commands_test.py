#!/usr/bin/env python3
"""Every command that README.md and docs/ show is run as it is written, but for
placeholders; or it is named below with the test that runs it, or why none can.
The commands of a page are run in their order, in one shell.

PDP_BIN has pdpd and pdpctl; PDP_BUILD is the build tree, for the names of its
tests."""

import functools
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from commands import all_blocks, blocks, commands
from pages import PAGES, ROOT, name
from world import BIN, CLINIC, PATIENT, PATIENT_MEMBER, PLACES, World

BUILD = pathlib.Path(os.environ.get("PDP_BUILD", BIN.parent))

# What another test runs: a test of the build tree, or a file.
ELSEWHERE = (
    (r"make demo", "demo"),
    (r"make (build|test)|\.ci/build .*", ".ci/test"),
    (r"make test-long", ".ci/test_long"),
    (r"make differential", "tests/differential/self_test.sh"),
    (r"make install", "install_test"),
    (r"make image|docker .*", "image_test"),
    (r"make bench( .*)?|make bench-cerbos", "tests/bench/bench.py"),
    (r"make bench-instructions", "tests/bench/instructions.py"),
    (r"pdpctl provision .*", "medplum_provision"),
)

# What no test can run.
CANNOT = (
    (r"make run", "serves a fixed port until it is stopped; the service of "
                  "this test serves the same"),
    (r"kubectl .*", "needs a Kubernetes cluster"),
    (r"helm (install|upgrade|test) .*", "needs a Kubernetes cluster"),
)

# What may change more than the directory of the test.
OUTSIDE = rf"/(?!({'|'.join(p[1:] for p in PLACES)})\b)"
NEVER = r"(sudo|su|apt|apt-get|make|npm|pip|git|\.ci/\w+) .*|" \
    rf"(rm|mv|cp|sed -i|install) (.* )?{OUTSIDE}.*"

# What commands end with, where it is not 0.
CODES = (
    (r"pdpctl (check|explain) .*Patient/20000001-\S+2", 3),
    (r"pdpctl (check|explain) .*Patient/20000002-\S+1", 3),
    (r"pdpctl explain .*Patient/20000000-\S+cc", 3),
    (r"pdpctl explain --subject \S+020 .*Observation/\S+02", 3),
    # The sample has what lint is for,
    (r"pdpctl status --target localhost:8990 --tls-ca tls.crt", 1),
    (r"pdpctl lint( docs/security/\S*| build/exported| --project .*)?", 3),
    (r"docs/getting-started.md pdpctl doctor", 0),
    (r"pdpctl doctor.*", 1),  # which is a problem.
)

# What a command prints, where the page says so and its code does not.
PRINTS = (
    (r"pdpctl status --target localhost:8990 --tls-ca tls.crt",
     "did not say who it is"),
    (r"docs/emergency.md pdpctl audit report member .*", r"Patient +[1-9]"),
    (r"docs/emergency.md pdpctl audit query .*", '"purpose_of_use":"ETREAT"'),
    (r"docs/emergency.md pdpctl audit report changes .*",
     r"(?s)ProjectMembership/.*ProjectMembership/"),
    (r"docs/runbook.md pdpctl status", "(?i)revision"),
)

A_PATIENT = {"resourceType": "Patient", "id": PATIENT.split("/")[1],
             "meta": {"project": "10000000-0000-4000-8000-000000000001"}}
A_BUNDLE = {"resourceType": "Bundle", "entry": [{"resource": A_PATIENT}]}

# Console blocks whose output is of another server.
OTHER_OUTPUT = {
    "pdpctl status --differences": "the counts of some days",
}


def placeholders(command, world):
    """(regular expression, what it stands for) for one command."""
    words = command.words
    if re.search(r"\bpdpctl audit\b", words):
        yield r"\bDIR…?", str(world.audit)
        yield r"\[ARCHIVE…\]|\[the same\]|\[--[^\]]*\]", ""
        yield r"(?<=\S)   +[a-z].*", ""
    if re.search(r"\bpdpd --source\b", words):
        yield r"directory:PATH", f"directory:{CLINIC}"
        yield r"\bDIR\b", str(world.place / "new")
    if re.search(r"https://api\.example\.com/|--config pdpd\.yaml", words):
        yield r"https://api\.example\.com/", world.fake.base_url
        yield r"PROJECT-ID|(?<=--project )ID", world.project
        yield r"CLIENT-ID", world.login["client"]
    if "SEGMENT" in words:
        yield r"SEGMENT", str(world.segment)
    if "DECISION-ID" in words:
        yield r"DECISION-ID", world.decision
    if words.startswith(("pdpctl", "build/bin/pdpctl")):
        yield r"ProjectMembership/ID", PATIENT_MEMBER
        yield r"Patient/ID", PATIENT
        # Nothing is known of before the service was started.
        yield r"(?<=--as-of )\S+", "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    if command.block.page == EMERGENCY:
        yield "/var/lib/medplum-pdp/data", str(world.place / "followed")
    yield r"127\.0\.0\.1:8991", f"$(jq -r .http {world.place}/service.json)"
    for path, place in PLACES.items():
        yield rf"{path}\b", str(world.place / place)


EMERGENCY = "docs/emergency.md"
# After these the reader ends the server in the other terminal.
TRIALS = (
    (r"pdpd .*/trial .*", None),
    (r"pdpctl status --target localhost:8990 --tls-ca tls.crt", None),
)

# What is served in another terminal when a page begins, in place of the sample.
SERVED = {EMERGENCY: "pdpd --config pdpd.yaml"}

# Variables that pages use without giving them a value.
VARIABLES = {
    "MEDPLUM": lambda world: world.fake.base_url,
    "PROJECT": lambda world: world.fake and world.project,
    "ADMIN": lambda world: world.fake and world.admin["client"],
    "TOKEN": lambda world: world.fake and world.token,
    "MEMBER": lambda world: world.fake and world.member,
    "NURSE": lambda world: world.fake and world.stranger,
    "EMERGENCY": lambda world: world.fake and world.emergency,
    "PATIENT": lambda world: world.fake and world.patient,
    # What the command before it printed.
    "CLIENT": lambda world: f"$(grep -aho 'client-id: .*' {world.place}/out/* "
                            "| tail -n 1 | cut -d' ' -f2)",
}


def variables(block, given, world):
    """Assignments of what the block uses and nobody has given."""
    text = block.text
    if "${N}" in text:
        kinds = ("checkpoint", "close") if ".signature" in text else \
            ("decision",)
        yield f"N={world.line_of(*kinds)}"
    for variable, value in VARIABLES.items():
        if variable not in given and \
                re.search(rf"\$\{{?{variable}\b", text):
            yield f"{variable}={value(world)}"
        if re.search(rf"(?m)^{variable}=", text):
            given.add(variable)


def files(block, world):
    """Shell that makes the files that the block reads."""
    if "patients.json" in block.text:
        yield f"echo '{json.dumps(A_PATIENT)}' >patients.json"
        yield f"echo '{json.dumps(A_BUNDLE)}' >bundle.json"
    if "SEGMENT" in block.text:
        yield "openssl pkey -in ../etc/audit-key.pem -pubout >audit-key.pub"
    if "tls.crt.new" in block.text:
        yield "cp ../etc/tls/tls.crt tls.crt.new"
        yield "cp ../etc/tls/tls.key tls.key.new"
    if "first.py" in block.text:
        [program] = [b for b in blocks(ROOT / block.page)
                     if b.language == "python"]
        yield f"cat >first.py <<'END'\n{program.text}END"
        yield ("sed -i s/127.0.0.1:8990/$(jq -r '.grpc[0]' "
               f"{world.place}/foreground.json)/ first.py")


def plain(command):
    return command.words.replace("build/bin/", "")


def listed(command, table):
    """The first (pattern, ...) of the table that the command fits, with or
    without its page in front."""
    for pattern, what in table:
        if any(re.fullmatch(pattern, text) for text in (
                plain(command), f"{command.block.page} {plain(command)}")):
            return pattern, what
    return None, None


@functools.cache
def tests_of_the_build():
    out = subprocess.run(
        ["ctest", "--test-dir", str(BUILD), "-N", "--show-only=json-v1"],
        capture_output=True, text=True, check=True).stdout
    return {test["name"] for test in json.loads(out)["tests"]}


@functools.cache
def usage(program, *subcommands):
    return subprocess.run([str(BIN / program), *subcommands, "--help"],
                          capture_output=True, text=True, check=False).stdout


@functools.cache
def all_usages():
    """Of the commands of pdpctl."""
    names = re.findall(r"^  ([a-z-]+) {2,}", usage("pdpctl"), re.M)
    return "".join(usage("pdpctl", subcommand) for subcommand in names)


class CommandsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.blocks = [(block, commands(block)) for block in all_blocks()]

    def test_every_command_is_run(self):
        world = World()
        self.addCleanup(world.close)
        world.start()
        run, used = 0, set()
        for _, page in itertools.groupby(self.blocks, lambda b: b[0].page):
            todo = []
            for block, shown in page:
                here = []
                for command in shown:
                    pattern, _ = listed(command, (*ELSEWHERE, *CANNOT))
                    used.add(pattern)
                    if pattern is None:
                        self.assertNotRegex(plain(command), NEVER,
                                            command.place)
                        here.append(command)
                todo.append((block, here))
                run += len(here)
            self.run_page(world, todo)
            world.end_of_page()
        self.assertGreater(run, 40)
        for pattern, test in ELSEWHERE:
            self.assertIn(pattern, used, "no page has it any more")

    def run_page(self, world, todo):
        """`todo`: the blocks, each with the commands of it to be run."""
        out = world.place / "out"
        script, texts, given = "", [], set()
        if todo[0][0].page in SERVED and world.fake:
            script = f"{SERVED[todo[0][0].page]} >/dev/null\n"
        for block, here in todo:
            if not here:
                continue
            script += "\n".join([*variables(block, given, world),
                                 *files(block, world), ""])
            for command in here:
                text = command.text
                for pattern, value in placeholders(command, world):
                    text = re.sub(pattern, lambda _, v=value: v, text)
                script += (f"{{ {text}\n}} >{out}/{len(texts)} 2>&1\n"
                           f"echo $? >{out}/{len(texts)}.code\n")
                if listed(command, TRIALS)[0]:
                    script += "ctrl-c\n"
                texts.append((command, text))
        said = world.run(script).stdout
        for number, (command, text) in enumerate(texts):
            with self.subTest(command.place, command=text):
                code = out / f"{number}.code"
                self.assertTrue(code.exists(), said)
                printed = (out / str(number)).read_text(errors="replace")
                _, wanted = listed(command, CODES)
                self.assertEqual(wanted or 0, int(code.read_text()), printed)
                _, expected = listed(command, PRINTS)
                self.assertRegex(printed, expected or "^")
                self.look_at_output(command, printed)
        self.look_at_recipe(texts, out)
        shutil.rmtree(out)
        out.mkdir()

    def look_at_output(self, command, printed):
        """That of a console block is the page's."""
        block = command.block
        if not block.is_console or plain(command) in OTHER_OUTPUT:
            return
        begin = command.line - block.line + len(command.text.splitlines())
        shown = itertools.takewhile(lambda line: not line.startswith("$ "),
                                    block.lines[begin:])
        self.assertIn(" ".join(" ".join(shown).split()),
                      " ".join(printed.split()))

    def look_at_recipe(self, texts, out):
        """A hash that is made by hand is what the command after it finds in the
        segment."""
        for number, (command, _) in enumerate(texts):
            if "sha256sum" in command.text and "SEGMENT" in command.text:
                made, found = ((out / str(number + i)).read_text().split()[0]
                               for i in (0, 1))
                self.assertRegex(made, r"^[0-9a-f]{64}$", command.place)
                self.assertEqual(made, found, command.place)

    def test_the_tests_that_run_the_others_are_there(self):
        for pattern, test in ELSEWHERE:
            with self.subTest(pattern):
                self.assertTrue((ROOT / test).is_file() or
                                test in tests_of_the_build(), test)

    def test_what_is_named_in_passing_is_there(self):
        """Commands and options in the text, `pdpctl doctor --base-url`."""
        looked = 0
        for page in PAGES:
            text = re.sub(r"^ *```.*?^ *```", "", page.read_text(),
                          flags=re.M | re.S)
            for code in re.findall(r"`((?:build/bin/)?(?:pdpctl|pdpd|make) "
                                   r"[^`]+)`", text):
                looked += 1
                with self.subTest(f"{name(page)}: {code}"):
                    self.look_at(" ".join(code.split()))
            for block in blocks(page):
                for flag in re.findall(r"(?m)^--\S+", block.text):
                    with self.subTest(f"{block.place}: {flag}"):
                        self.look_at(f"pdpd {flag}")
        for _, shown in self.blocks:
            for command in shown:
                if re.match(r"(pdpctl|pdpd|make) ", plain(command)):
                    looked += 1
                    with self.subTest(command.place, command=command.words):
                        self.look_at(plain(command))
        self.assertGreater(looked, 150)

    def look_at(self, code):
        program, *words = code.removeprefix("build/bin/").split()
        if program == "make":
            makefile = (ROOT / "Makefile").read_text()
            self.assertRegex(makefile, rf"(?m)^{re.escape(words[0])}:")
            return
        subcommands = []
        while words and program == "pdpctl" and \
                re.fullmatch(r"[a-z][a-z-]*", words[0]) and \
                re.search(rf"^  {words[0]} ", usage(program, *subcommands),
                          re.M):
            subcommands.append(words.pop(0))
        if program == "pdpctl":
            self.assertTrue(subcommands or words[0].startswith("-"),
                            "no such command")
        known = usage(program, *subcommands) if subcommands or \
            program == "pdpd" else all_usages()
        for option in re.findall(r"(?<![\w-])--[a-z][\w.-]*", " ".join(words)):
            self.assertRegex(
                known, rf"(?<![\w-]){re.escape(option)}(?![\w.-])")


if __name__ == "__main__":
    for tool in ("curl", "jq", "openssl", "sha256sum", "xxd"):
        assert shutil.which(tool), f"{tool} is not here"
    unittest.main()

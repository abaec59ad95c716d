"""The commands that the pages show.

A block of commands is fenced as `sh`, `bash` or `console`, or has no language
(an indented one, too) and begins with a program, an assignment or `$ `.  In a
block with `$ ` in it only those lines are commands, and the others what they
print.
"""

import dataclasses
import re
import shutil
import subprocess

from pages import FENCE, PAGES, name

SHELL = ("sh", "bash", "shell", "console")

# Programs of the pages, whether this machine has them or not.
PROGRAMS = {"pdpd", "pdpctl", "make", "helm", "kubectl", "docker", "podman",
            "buildah", "systemctl", "journalctl", "openssl", "curl", "jq",
            "grpcurl", "promtool", "npm", "pip", "python3", "cmake", "git",
            "sudo", "export", "cd", "for", "if", "while", "until", "case"}
# Programs of every machine whose names other text begins with as well.
WORDS = {"test", "time", "which", "who", "w", "file", "sort", "split", "join",
         "head", "tail", "cut", "link", "install", "type", "read", "at"}


# How text begins that is no command: a key of YAML or JSON, an object, a path
# and what is there, a place in a file and what is wrong there, a drawing.
DATA = re.compile(r'["\w-]+:(\s|$)|\{|[\w.-]+/|\S+:\d+:|.*[─▶]')


@dataclasses.dataclass
class Block:
    page: str
    line: int          # Of its first line, from 1.
    language: str      # As its fence has it; empty for none.
    lines: list        # Without their indentation.

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    @property
    def is_console(self):
        return any(line.startswith("$ ") for line in self.lines)


@dataclasses.dataclass
class Command:
    block: Block
    line: int
    text: str          # Lines as they are, joined by newlines.

    @property
    def place(self):
        return f"{self.block.page}:{self.line}"

    @property
    def words(self):
        """Without comments, continuations and repeated blanks."""
        text = re.sub(r"\\\n", " ", self.text)
        text = "\n".join(line for line in text.splitlines()
                         if not line.lstrip().startswith("#"))
        return " ".join(re.sub(r"\s+# .*", "", text).split())

    @property
    def is_synopsis(self):
        """Whether it shows what may be written, and is not to be copied."""
        return "…" in self.text or \
            re.search(r" \[(--|the same)", self.text) is not None


def blocks(page):
    """Every block of the page."""
    found, fence, current, indent = [], None, None, 0
    before = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        opened = FENCE.match(line)
        if fence is not None:
            if opened and not opened.group(2):
                fence = current = None
            else:
                current.lines.append(line[indent:])
        elif opened:
            indent = len(line) - len(line.lstrip())
            fence = opened.group(2)
            current = Block(name(page), number + 1, fence, [])
            found.append(current)
        elif line.startswith("    ") and (current or not before.strip()):
            if current is None:
                indent = len(line) - len(line.lstrip())
                current = Block(name(page), number, "", [])
                found.append(current)
            current.lines.append(line[indent:] if line[:indent].isspace()
                                 else line.lstrip())
        elif not line.strip() and current:
            current.lines.append("")
        else:
            current = None
        before = line
    for block in found:
        while block.lines and not block.lines[-1].strip():
            block.lines.pop()
    return [block for block in found if block.lines]


def is_commands(block):
    if block.language:
        return block.language in SHELL
    for line in block.lines:
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("$ ") or re.match(r"[A-Za-z_]\w*=\S", line):
            return True
        first = re.match(r"[\w./+-]*", line).group()
        if line[len(first):len(first) + 1] not in ("", " "):
            return False
        if first in PROGRAMS or re.match(r"(build/bin|\.ci|\.)/\w", first):
            return True
        return first not in WORDS and "/" not in first and \
            shutil.which(first) is not None and line != first
    return False


def is_whole(text):
    """Whether a shell would not wait for more."""
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True,
                          text=True, check=False)
    return done.returncode == 0 and "here-document" not in done.stderr and \
        not text.rstrip("\n").endswith("\\")


def commands(block):
    """Those of one block of commands."""
    found, begun, at = [], "", 0
    for number, line in enumerate(block.lines, block.line):
        if block.is_console and not begun:
            if not line.startswith("$ "):
                continue
            line = line[2:]
        elif not begun and (not line.strip() or line.startswith("#")):
            continue
        at = at if begun else number
        begun += line + "\n"
        command = Command(block, at, begun.rstrip("\n"))
        if command.is_synopsis or is_whole(begun):
            found.append(command)
            begun = ""
    if begun:
        raise ValueError(f"{block.place}: a command without an end")
    return found


def all_blocks():
    """The blocks of commands of all pages.  ValueError for a block that is
    neither commands nor anything else that is known."""
    found = []
    for page in PAGES:
        for block in blocks(page):
            if is_commands(block):
                found.append(block)
            elif not block.language and not DATA.match(block.lines[0]):
                raise ValueError(f"{block.place}: neither commands nor data; "
                                 "fence it, with its language")
    return found

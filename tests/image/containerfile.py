"""Reads a Containerfile."""

import dataclasses
import json
import re

KNOWN = {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM",
         "HEALTHCHECK", "LABEL", "RUN", "STOPSIGNAL", "USER", "VOLUME",
         "WORKDIR"}


@dataclasses.dataclass
class Instruction:
    keyword: str
    text: str  # Without comments and ends of lines.
    # The words that a comment line stands straight before, with that comment.
    comments: dict[str, str]

    def listed(self):
        """The words, be they written as JSON or not."""
        if self.text.startswith("["):
            return json.loads(self.text)
        return self.text.split()

    def pairs(self):
        """Of NAME=VALUE words, the values by their names."""
        found = re.findall(r'([\w.]+)=(?:"([^"]*)"|(\S*))', self.text)
        return {name: quoted or bare for name, quoted, bare in found}


@dataclasses.dataclass
class Stage:
    base: str
    name: str
    instructions: list[Instruction]

    def all(self, keyword):
        return [i for i in self.instructions if i.keyword == keyword]

    def one(self, keyword):
        found = self.all(keyword)
        if len(found) != 1:
            raise ValueError(f"{len(found)} instructions {keyword}")
        return found[0]


def instructions(text):
    words, comments, comment = [], {}, []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
            continue
        goes_on = line.endswith("\\")
        line = line.removesuffix("\\").strip()
        if line and comment and words:
            comments[line.split()[0]] = " ".join(comment)
        comment = []
        if line:
            words.append(line)
        if goes_on or not words:
            continue
        keyword, _, rest = " ".join(words).partition(" ")
        if keyword not in KNOWN:
            raise ValueError(f"{keyword} is no instruction that is known here")
        yield Instruction(keyword, rest, comments)
        words, comments = [], {}


def stages(text):
    """The stages, with the defaults of the ARGs before them put in."""
    arguments, found = {}, []
    for instruction in instructions(text):
        if not found and instruction.keyword == "ARG":
            arguments.update(instruction.pairs())
        elif instruction.keyword == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            for argument, value in arguments.items():
                base = base.replace(f"${{{argument}}}", value)
            found.append(Stage(base, name, []))
        else:
            found[-1].instructions.append(instruction)
    return found


def read(path):
    return stages(path.read_text())


def packages(run):
    """What its `apt-get install` names."""
    command = next(part for part in run.text.split(" && ")
                   if "apt-get install" in part)
    words = command.partition("apt-get install")[2].split()
    return [word for word in words if not word.startswith("-")]

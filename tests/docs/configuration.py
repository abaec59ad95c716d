"""The keys of pdpd's configuration, as config.proto declares them and its
comments say."""

import dataclasses
import pathlib
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = "medplum/pdp/config/v1/config.proto"

Field = descriptor_pb2.FieldDescriptorProto
NUMBERS = (Field.TYPE_UINT32, Field.TYPE_UINT64)

# Sentences of a comment that have a column of their own.
FACTS = ("Default", "Range", "Reload")
SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z0-9`])")


@dataclasses.dataclass
class Key:
    """A value that can be written, `limits.message-bytes`."""
    name: str         # Below its section, `message-bytes`.
    path: str         # As a flag has it; of an item of a list, `callers[].name`.
    field: Field
    enum: "Enum"      # None where it is none.
    meaning: str      # What the comment says beside the facts.
    facts: dict       # By FACTS.
    required: bool

    @property
    def is_list(self):
        return self.field.label == Field.LABEL_REPEATED

    @property
    def is_number(self):
        return self.field.type in NUMBERS

    @property
    def is_duration(self):
        return self.field.type_name == ".google.protobuf.Duration"

    @property
    def is_file(self):
        return self.name.endswith("-file")

    @property
    def flag(self):
        """How the command line has it."""
        section, item, key = self.path.partition("[].")
        return f"--{section} {key}=" if item else f"--{self.path}"

    def range(self):
        """(least, most) as they are written, either of them None; or None where
        the range is said in words."""
        text = self.facts.get("Range", "")
        if match := re.match(r"(`?[\w-]+`?) to (\w+)", text):
            least, most = match.groups()
            return (None if least.startswith("`") else least), most
        if match := re.match(r"(\w+) or more$", text):
            return match.group(1), None
        return None


@dataclasses.dataclass
class Enum:
    values: list      # (name, comment)
    default: str      # What the zero value's comment says; may be empty.


@dataclasses.dataclass
class Section:
    """A message: a section of the file, or the items of a list of sections."""
    path: str         # Empty for the whole.
    is_list: bool
    intro: str
    keys: list


def compiled():
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(
            ["protoc", f"--proto_path={ROOT / 'proto'}", "--include_source_info",
             f"--descriptor_set_out={out.name}", PROTO], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    return files.file[0]


def words(comment):
    return " ".join(comment.split())


class Schema:
    def __init__(self):
        self._file = compiled()
        self._comments = {
            tuple(place.path): words(place.leading_comments)
            for place in self._file.source_code_info.location}
        package = f".{self._file.package}."
        self._messages = {package + m.name: i
                          for i, m in enumerate(self._file.message_type)}
        self._enums = {package + e.name: i
                       for i, e in enumerate(self._file.enum_type)}
        self.sections = []
        self._add(package + "Config", "", False)
        self.keys = {key.path: key for section in self.sections
                     for key in section.keys}

    def _add(self, type_name, path, is_list):
        index = self._messages[type_name]
        section = Section(path, is_list, self._comment(4, index), [])
        self.sections.append(section)
        inner = []
        for i, field in enumerate(self._file.message_type[index].field):
            name = field.name.replace("_", "-")
            place = f"{path}{'[]' if is_list else ''}.{name}".lstrip(".")
            if field.type_name in self._messages:
                repeated = field.label == Field.LABEL_REPEATED
                inner.append((field.type_name, place, repeated,
                              self._comment(4, index, 2, i)))
            else:
                section.keys.append(
                    self._key(name, place, field, (4, index, 2, i)))
        for type_name, place, repeated, comment in inner:
            at = len(self.sections)
            self._add(type_name, place, repeated)
            added = self.sections[at]
            added.intro = f"{comment} {added.intro}".strip()

    def _comment(self, *place):
        return self._comments.get(place, "")

    def _key(self, name, path, field, place):
        enum = self._enum(field.type_name)
        meaning, facts = [], {}
        for sentence in SENTENCE.split(self._comment(*place)):
            fact = sentence.split(":")[0]
            if fact in FACTS:
                facts[fact] = sentence[len(fact) + 1:].strip().rstrip(".")
            elif sentence:
                meaning.append(sentence)
        required = "Required." in meaning
        if required:
            meaning.remove("Required.")
        if enum:
            facts.setdefault("Default", enum.default)
            meaning = [lower(enum, sentence) for sentence in meaning]
        return Key(name, path, field, enum, " ".join(meaning), facts, required)

    def _enum(self, type_name):
        if type_name not in self._enums:
            return None
        index = self._enums[type_name]
        values = self._file.enum_type[index].value
        prefix = len(values[0].name) - len("UNSPECIFIED")
        comments = [self._comment(5, index, 2, i) for i in range(len(values))]
        enum = Enum([(value.name[prefix:].lower(), comment)
                     for value, comment in zip(values, comments)][1:], "")
        enum.values = [(name, lower(enum, comment))
                       for name, comment in enum.values]
        enum.default = re.sub(r"^As | as ", lambda m: m.group().replace(
            "As ", "").replace(" as ", " "), lower(enum, comments[0])
            ).rstrip(".")
        return enum


def lower(enum, comment):
    """The comment with values as a configuration writes them."""
    for name, _ in enum.values:
        comment = re.sub(rf"\b{name.upper()}\b", f"`{name}`", comment)
    return comment

#!/usr/bin/python3
"""Fails when the API changes so that a client of a released version would break.

    .ci/check_protos.py                    compare with proto/released/*.txtpb
    .ci/check_protos.py --write VERSION    write proto/released/VERSION.txtpb

proto/README.md says what breaks a client, and when a baseline is written.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, text_format

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROTOS = ROOT / "proto"
API = "medplum/pdp/v1"
RELEASED = PROTOS / "released"

Field = descriptor_pb2.FieldDescriptorProto


def compile_api(root=PROTOS, folder=API):
    """The descriptors of the .proto files of `folder`, without comments."""
    files = sorted(path.relative_to(root) for path in (root / folder).glob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(
            ["protoc", f"--proto_path={root}", f"--descriptor_set_out={out.name}",
             *map(str, files)],
            check=True,
        )
        return descriptor_pb2.FileDescriptorSet.FromString(out.read())


class Api:
    """What a FileDescriptorSet declares, by full name."""

    def __init__(self, files):
        self.messages, self.enums, self.services = {}, {}, {}
        for file in files.file:
            prefix = f"{file.package}." if file.package else ""
            self._add(prefix, file.message_type, file.enum_type)
            for service in file.service:
                self.services[prefix + service.name] = service

    def _add(self, prefix, messages, enums):
        for enum in enums:
            self.enums[prefix + enum.name] = enum
        for message in messages:
            name = prefix + message.name
            self.messages[name] = message
            self._add(f"{name}.", message.nested_type, message.enum_type)


def kind(field):
    """The type of a field as it is written: `string`, `.medplum.pdp.v1.Effect`."""
    return field.type_name or Field.Type.Name(field.type)[len("TYPE_") :].lower()


def label(field):
    """How often it may be there, and whether its absence shows."""
    if field.label == Field.LABEL_REPEATED:
        return "repeated"
    return "optional" if field.proto3_optional else "singular"


def oneof(message, field):
    """The oneof that a field is in; empty for none."""
    if field.proto3_optional or not field.HasField("oneof_index"):
        return ""
    return message.oneof_decl[field.oneof_index].name


def ranges(declared, last_included):
    """Reserved ranges as (first, last)."""
    return [(r.start, r.end if last_included else r.end - 1) for r in declared]


def covers(reserved, first, last):
    return any(begin <= first and last <= end for begin, end in reserved)


def breaks(old, new):
    """A sentence for each change from `old` to `new` that breaks a client."""
    old, new = Api(old), Api(new)
    for name, message in old.messages.items():
        if name in new.messages:
            yield from message_breaks(name, message, new.messages[name])
        else:
            yield f"message {name} is gone"
    for name, enum in old.enums.items():
        if name in new.enums:
            yield from enum_breaks(name, enum, new.enums[name])
        else:
            yield f"enum {name} is gone"
    for name, service in old.services.items():
        if name in new.services:
            yield from service_breaks(name, service, new.services[name])
        else:
            yield f"service {name} is gone"


def message_breaks(name, old, new):
    fields = {field.number: field for field in new.field}
    reserved = ranges(new.reserved_range, last_included=False)
    for field in old.field:
        where = f"{name}.{field.name} = {field.number}"
        other = fields.get(field.number)
        if other is None:
            yield from removal_breaks(where, field, reserved, new)
            continue
        for what, was, now in (
            ("name", field.name, other.name),
            ("JSON name", field.json_name, other.json_name),
            ("type", kind(field), kind(other)),
            ("label", label(field), label(other)),
            ("oneof", oneof(old, field), oneof(new, other)),
        ):
            if was != now:
                yield f"{where}: its {what} was `{was}` and is `{now}`"
    yield from reservation_breaks(name, old, new, last_included=False)


def enum_breaks(name, old, new):
    values = {}
    for value in new.value:
        values.setdefault(value.number, set()).add(value.name)
    reserved = ranges(new.reserved_range, last_included=True)
    for value in old.value:
        where = f"{name}.{value.name} = {value.number}"
        if value.number not in values:
            yield from removal_breaks(where, value, reserved, new)
        elif value.name not in values[value.number]:
            now = ", ".join(sorted(values[value.number]))
            yield f"{where}: its name is now `{now}`"
    yield from reservation_breaks(name, old, new, last_included=True)


def removal_breaks(where, member, reserved, new):
    """Of a field or an enum value that is not there any more."""
    if not covers(reserved, member.number, member.number):
        yield f"{where} is gone, and its number is not reserved"
    if member.name not in new.reserved_name:
        yield f"{where} is gone, and its name is not reserved"


def reservation_breaks(name, old, new, last_included):
    """What was given up once may not be taken for something else."""
    reserved = ranges(new.reserved_range, last_included)
    for first, last in ranges(old.reserved_range, last_included):
        if not covers(reserved, first, last):
            yield f"{name}: {first} to {last} is not reserved any more"
    for gone in set(old.reserved_name) - set(new.reserved_name):
        yield f"{name}: the name `{gone}` is not reserved any more"


def service_breaks(name, old, new):
    methods = {method.name: method for method in new.method}
    for method in old.method:
        where = f"rpc {name}.{method.name}"
        other = methods.get(method.name)
        if other is None:
            yield f"{where} is gone"
            continue
        for what, was, now in (
            ("request", method.input_type, other.input_type),
            ("response", method.output_type, other.output_type),
            ("stream of requests", method.client_streaming, other.client_streaming),
            ("stream of responses", method.server_streaming, other.server_streaming),
        ):
            if was != now:
                yield f"{where}: its {what} was `{was}` and is `{now}`"


def project_version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(\w+ VERSION ([\d.]+)", text).group(1)


def read(path):
    text = path.read_text(encoding="utf-8")
    return text_format.Parse(text, descriptor_pb2.FileDescriptorSet())


def check(api):
    baselines = sorted(RELEASED.glob("*.txtpb"))
    failures = [
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in baselines
        for sentence in breaks(read(path), api)
    ]
    current = RELEASED / f"{project_version()}.txtpb"
    if current not in baselines:
        failures.append(
            f"{current.relative_to(ROOT)} is missing: write it with "
            f".ci/check_protos.py --write {project_version()}"
        )
    for failure in failures:
        print(failure, file=sys.stderr)
    if not failures:
        print(f"protos: no break since {len(baselines)} released version(s)")
    return 1 if failures else 0


def write(version, api):
    path = RELEASED / f"{version}.txtpb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text_format.MessageToString(api), encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)}")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", metavar="VERSION")
    options = parser.parse_args()
    api = compile_api()
    return write(options.write, api) if options.write else check(api)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Proves that check_protos.py fails on each kind of break, and on no other."""

import copy
import pathlib
import tempfile
import unittest

import check_protos

API = """syntax = "proto3";
package t;
service S {
  rpc One(A) returns (B);
  rpc Many(stream A) returns (stream B);
}
enum E {
  E_UNSPECIFIED = 0;
  E_ONE = 1;
  reserved 7;
  reserved "E_SEVEN";
}
message A {
  string text = 1;
  repeated int32 numbers = 2;
  optional bool flag = 3;
  oneof choice {
    E left = 4;
    B right = 5;
  }
  uint64 last = 6;
  reserved 10 to 12;
  reserved "old";
  message Inner {
    bytes body = 1;
  }
}
message B {
  A.Inner inner = 1;
}
"""

# What is replaced by what, and what is said of it.
BREAKS = {
    "a field is gone": ("  uint64 last = 6;", "", "its number is not reserved"),
    "a field is gone, its name is free": (
        "  uint64 last = 6;", "  reserved 6;", "its name is not reserved"),
    "a field is gone, its number is free": (
        "  uint64 last = 6;", '  reserved "last";', "its number is not reserved"),
    "another number": ("last = 6", "last = 8", "is gone"),
    "another name": ("text = 1", "words = 1", "its name was `text` and is `words`"),
    "another JSON name": (
        "text = 1", 'text = 1 [json_name = "t"]', "its JSON name was"),
    "another type": ("uint64 last", "int64 last", "its type was `uint64`"),
    "another enum": ("E left", "B left", "its type was `.t.E`"),
    "repeated no more": ("repeated int32", "int32", "its label was `repeated`"),
    "repeated now": ("string text", "repeated string text", "its label was"),
    "presence lost": ("optional bool", "bool", "its label was `optional`"),
    "presence won": ("string text", "optional string text", "its label was"),
    "out of its oneof": (
        "    B right = 5;\n  }", "  }\n  B right = 5;", "its oneof was `choice`"),
    "into a oneof": (
        "  uint64 last = 6;", "  oneof other { uint64 last = 6; }", "its oneof was"),
    "a oneof with another name": ("oneof choice", "oneof pick", "its oneof was"),
    "a reserved number is free": (
        "reserved 10 to 12", "reserved 10 to 11", "10 to 12 is not reserved"),
    "a reserved number is used": (
        "reserved 10 to 12;", "reserved 10, 12; int32 x = 11;", "is not reserved"),
    "a reserved name is free": (
        '  reserved "old";', "", "the name `old` is not reserved"),
    "an enum value is gone": ("  E_ONE = 1;", "", "its number is not reserved"),
    "an enum value is gone, its name is free": (
        "  E_ONE = 1;", "  reserved 1;", "its name is not reserved"),
    "another number of an enum value": ("E_ONE = 1", "E_ONE = 2", "is gone"),
    "another name of an enum value": (
        "E_ONE = 1", "E_FIRST = 1", "its name is now `E_FIRST`"),
    "a reserved enum number is free": ("  reserved 7;", "", "7 to 7 is not"),
    "a reserved enum name is free": (
        '  reserved "E_SEVEN";', "", "the name `E_SEVEN`"),
    "a method is gone": ("  rpc One(A) returns (B);", "", "rpc t.S.One is gone"),
    "another request": ("One(A)", "One(B)", "its request was `.t.A`"),
    "another response": (
        "One(A) returns (B)", "One(A) returns (A)", "its response was"),
    "requests stream no more": (
        "Many(stream A)", "Many(A)", "its stream of requests was"),
    "responses stream no more": (
        "returns (stream B)", "returns (B)", "its stream of responses was"),
    "a response streams": (
        "One(A) returns (B)", "One(A) returns (stream B)", "its stream of"),
    "a service is gone": ("service S {", "service T {", "service t.S is gone"),
    "an enum has another name": ("enum E {", "enum F {", "enum t.E is gone"),
    "a message has another name": (
        "message Inner {", "message Outer {", "message t.A.Inner is gone"),
    "another package": ("package t;", "package u;", "message t.A is gone"),
}

NO_BREAKS = {
    "nothing": ("", ""),
    "a new field": ("uint64 last = 6;", "uint64 last = 6; string more = 7;"),
    "a field is reserved": ("  uint64 last = 6;", '  reserved 6; reserved "last";'),
    "a new enum value": ("E_ONE = 1;", "E_ONE = 1; E_TWO = 2;"),
    "an enum value is reserved": (
        "  E_ONE = 1;", '  reserved 1; reserved "E_ONE";'),
    "a new method": (
        "  rpc One", "  rpc Two(A) returns (B);\n  rpc One"),
    "a new message": ("message B {", "message C {}\nmessage B {"),
    "another order": (
        "  string text = 1;\n  repeated int32 numbers = 2;",
        "  repeated int32 numbers = 2;\n  string text = 1;"),
    "more is reserved": ("reserved 10 to 12", "reserved 9 to 20"),
    "a comment": ("message B {", "// Of B.\nmessage B {"),
}


def compiled(text):
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory) / "t"
        folder.mkdir()
        (folder / "t.proto").write_text(text)
        return check_protos.compile_api(pathlib.Path(directory), "t")


def changed(old, new):
    assert old in API, old
    text = API.replace(old, new, 1)
    if old == "enum E {":
        text = text.replace("E left", "F left")
    if old == "message Inner {":
        text = text.replace("A.Inner", "A.Outer")
    return compiled(text)


class CheckProtosTest(unittest.TestCase):
    maxDiff = None

    def test_each_kind_of_break_is_found(self):
        base = compiled(API)
        for name, (old, new, said) in BREAKS.items():
            with self.subTest(name):
                found = list(check_protos.breaks(base, changed(old, new)))
                self.assertTrue(any(said in line for line in found), found)

    def test_what_breaks_nobody_is_let_through(self):
        base = compiled(API)
        for name, (old, new) in NO_BREAKS.items():
            with self.subTest(name):
                found = list(check_protos.breaks(base, changed(old, new)))
                self.assertEqual(found, [])

    def test_nothing_of_the_released_api_can_go_or_move_unseen(self):
        for path in check_protos.RELEASED.glob("*.txtpb"):
            base = check_protos.read(path)
            count = 0
            for what, mutant in mutants(base):
                count += 1
                self.assertTrue(
                    list(check_protos.breaks(base, mutant)), f"{path}: {what}"
                )
            self.assertGreater(count, 500)


def mutants(base):
    """Copies of `base` in which one thing is gone or has another number."""
    for f, file in enumerate(base.file):
        lists = [("service", service.name, ("service", s), "method")
                 for s, service in enumerate(file.service)]
        lists += [("message", message.name, ("message_type", m), "field")
                  for m, message in enumerate(file.message_type)]
        lists += [("enum", enum.name, ("enum_type", e), "value")
                  for e, enum in enumerate(file.enum_type)]
        for kind, name, (where, index), members in lists:
            mutant = copy.deepcopy(base)
            del getattr(mutant.file[f], where)[index]
            yield f"{kind} {name} gone", mutant
            owner = getattr(file, where)[index]
            for i, member in enumerate(getattr(owner, members)):
                mutant = copy.deepcopy(base)
                del getattr(getattr(mutant.file[f], where)[index], members)[i]
                yield f"{name}.{member.name} gone", mutant
                if members == "method":
                    continue
                mutant = copy.deepcopy(base)
                moved = getattr(getattr(mutant.file[f], where)[index], members)[i]
                moved.number += 1000
                yield f"{name}.{member.name} moved", mutant


if __name__ == "__main__":
    unittest.main()

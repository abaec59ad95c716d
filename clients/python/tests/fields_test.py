#!/usr/bin/python3
"""What strip_hidden_fields removes."""

import pathlib
import re
import unittest

import support  # noqa: F401
from medplum_pdp import strip_hidden_fields
from medplum_pdp.fields import DATA_TYPES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent


class StripTest(unittest.TestCase):
    def test_removes_what_the_paths_name_and_nothing_else(self):
        cases = [
            ({"a": 1, "b": 2}, [], {"a": 1, "b": 2}),
            ({"a": 1, "b": 2}, ["a", "c"], {"b": 2}),
            ({"s": {"r": 1, "d": 2}}, ["s.d"], {"s": {"r": 1}}),
            ({"n": [{"f": 1, "u": 2}, {"f": 3}]}, ["n.f"],
             {"n": [{"u": 2}, {}]}),
            ({"n": [[{"f": 1}], {"f": 2}]}, ["n.f"], {"n": [[{"f": 1}], {}]}),
            ({"n": "text", "m": [1, "x"]}, ["n.f", "m.f"],
             {"n": "text", "m": [1, "x"]}),
            ({"n": {"f": 1}}, ["n.f.g", ""], {"n": {"f": 1}}),
            ({"valueString": "s", "valueQuantity": {}, "valueSet": 1,
              "_valueString": {}, "value": 1, "valueX": 2}, ["value[x]"],
             {"valueSet": 1, "_valueString": {}, "value": 1, "valueX": 2}),
            ({"c": [{"valueQuantity": {"unit": "kg", "value": 1}}]},
             ["c.value[x].unit"], {"c": [{"valueQuantity": {"value": 1}}]}),
            ({"birthDate": "2000", "_birthDate": {}}, ["birthDate"],
             {"_birthDate": {}}),
            ({"name": [None], "a": 1}, ["name"], {"a": 1}),
            ({"name": [None], "a": 1}, ["name", "name.f"], {"a": 1}),
            ({"name": [None], "a": 1}, ["a"], {"name": [None]}),
        ]
        for resource, paths, wanted in cases:
            with self.subTest(resource=resource, paths=paths):
                before = repr(resource)
                self.assertEqual(strip_hidden_fields(resource, paths), wanted)
                self.assertEqual(repr(resource), before)

    def test_a_null_item_on_the_way_is_an_error(self):
        for paths in (["name.f"], ["name.f", "name"]):
            with self.assertRaises(ValueError):
                strip_hidden_fields({"name": [{"f": 1}, None]}, paths)

    def test_the_data_types_are_those_of_the_server(self):
        header = (ROOT / "pdp/fhir/data_types.h").read_text()
        listed = header[header.index("kDataTypes[]"):]
        self.assertEqual(set(re.findall(r'"(\w+)"', listed)), DATA_TYPES)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""What the Containerfile says, beside what the chart and the tree say."""

import fnmatch
import json
import pathlib
import re
import subprocess
import unittest

import yaml

import containerfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "helm/image/Containerfile"
CHART = ROOT / "helm/medplum-pdp"
POD = (CHART / "templates/_pod.tpl").read_text()
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def tracked():
    """The files of a clean checkout; None where this is none of git's."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else None


def ignored(path):
    """By .dockerignore, as far as its patterns there go."""
    for pattern in (ROOT / ".dockerignore").read_text().splitlines():
        if not pattern or pattern.startswith("#"):
            continue
        parts = path.split("/")
        anywhere = pattern.removeprefix("**/")
        starts = range(len(parts)) if anywhere != pattern else [0]
        if any(fnmatch.fnmatchcase(parts[start], anywhere)
               for start in starts):
            return True
    return False


class ContainerfileTest(unittest.TestCase):
    def setUp(self):
        self.stages = containerfile.read(FILE)
        self.build, self.image = self.stages

    def test_every_stage_is_of_debian_12(self):
        for stage in self.stages:
            self.assertEqual("debian:12-slim", stage.base)
        labels = self.image.one("LABEL").pairs()
        self.assertEqual(self.image.base,
                         labels["org.opencontainers.image.base.name"])
        # Nothing comes from elsewhere but by apt.
        self.assertEqual([], [step for stage in self.stages
                              for step in stage.instructions
                              if step.keyword == "ADD" or "://" in step.text])

    def test_it_runs_as_the_user_of_the_chart(self):
        identity = VALUES["runAsId"]
        self.assertNotEqual(0, identity)
        self.assertEqual(f"{identity}:{identity}", self.image.one("USER").text)
        self.assertIn(f"--owner={identity} --group={identity} ",
                      "".join(step.text for step in self.image.all("RUN")))

    def test_make_gives_it_the_name_that_the_chart_asks_for(self):
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())
        name = f"{VALUES['image']['repository']}:{version['appVersion']}"
        for engine in ("docker", "podman"):
            command = subprocess.run(
                ["make", "--dry-run", "image", f"ENGINE={engine}"], cwd=ROOT,
                capture_output=True, text=True, check=True).stdout
            self.assertIn(f"{engine} build --file helm/image/Containerfile "
                          f"--tag {name} ", command)
        page = (FILE.parent / "README.md").read_text()
        self.assertEqual({name}, set(re.findall(r"medplum-pdp:[\d.]+", page)))

    def test_what_the_page_puts_on_top_has_the_user_of_the_image(self):
        page = (FILE.parent / "README.md").read_text()
        block = re.search(r"```dockerfile\n(.*?)```", page, re.S).group(1)
        [stage] = containerfile.stages(block)
        users = [step.text for step in stage.all("USER")]
        self.assertEqual(["0", self.image.one("USER").text], users)

    def test_its_ports_are_those_of_the_chart(self):
        self.assertEqual(re.findall(r"containerPort: (\d+)", POD),
                         self.image.one("EXPOSE").listed())

    def test_what_is_written_to_are_the_volumes_of_the_chart(self):
        writable = re.findall(r"- \{name: (?:data|run), mountPath: (.*)\}", POD)
        self.assertEqual(writable, self.image.one("VOLUME").listed())

    def test_programs_are_started_without_a_shell(self):
        for keyword in ("ENTRYPOINT", "CMD"):
            self.assertIsInstance(json.loads(self.image.one(keyword).text),
                                  list)
        health = self.image.one("HEALTHCHECK").text.partition(" CMD ")[2]
        self.assertEqual(["pdpctl", "health"], json.loads(health)[:2])
        self.assertEqual("SIGTERM", self.image.one("STOPSIGNAL").text)

    def test_what_is_copied_is_in_a_clean_checkout(self):
        files = tracked()
        if files is None:
            self.skipTest("no checkout: what is copied was NOT looked up")
        for step in self.build.all("COPY"):
            for source in step.text.split()[:-1]:
                if source != ".":
                    self.assertIn(source, files)

    def test_no_file_of_a_checkout_is_ignored_and_all_else_is(self):
        files = tracked()
        if files is None:
            self.skipTest("no checkout: .dockerignore was NOT looked at")
        self.assertEqual([], [file for file in files if ignored(file)])
        for file in (".git/HEAD", "build/bin/pdpd", "node_modules/a/b",
                     "clients/typescript/node_modules/a", "tests/__pycache__/a",
                     "tests/a.pyc"):
            self.assertTrue(ignored(file), file)
        # What git ignores, the engine does.
        for line in (ROOT / ".gitignore").read_text().split():
            self.assertTrue(ignored(line.strip("/").replace("*", "a")), line)

    def test_a_package_without_a_reason_and_a_comment_are_told_apart(self):
        text = ("RUN apt-get update \\\n  && apt-get install -y \\\n"
                "    # Why.\n    one \\\n    two three \\\n  && true\n")
        run = next(containerfile.instructions(text))
        self.assertEqual(["one", "two", "three"], containerfile.packages(run))
        self.assertEqual({"one": "Why."}, run.comments)


if __name__ == "__main__":
    unittest.main()

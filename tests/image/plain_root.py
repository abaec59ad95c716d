"""Does the steps of a Containerfile in a plain root, and runs what is in it as a
container engine would, with namespaces alone."""

import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NO_NETWORK = re.compile("Temporary failure resolving|Could not connect|"
                        "Unable to connect|Connection (timed out|refused)")
ENTER = pathlib.Path(__file__).resolve().parent / "enter.py"
CACHE = pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
    "medplum-pdp", "image")
SUITES = {"debian:12-slim": "bookworm"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LONG = 60.0  # Seconds that are never reached unless something is wrong.


class CannotRun(Exception):
    """Why this machine cannot do the steps."""


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True,
                          timeout=LONG).stdout


def _sources(suite):
    """The lines of sources.list that this machine has for the suite, its own
    first."""
    def look():
        return _output("apt-get", "indextargets", "--format",
                       "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                       "Created-By: Packages", "Origin: Debian")

    found = look()
    if not found:  # Of no source anything is known yet.
        subprocess.run(["apt-get", "update", "--quiet"], check=False,
                       stdout=subprocess.DEVNULL, timeout=300)
        found = look()
    lines = dict.fromkeys(line for line in found.splitlines()
                          if line.split()[1].startswith(suite))
    return sorted((f"deb {line}\n" for line in lines),
                  key=lambda line: line.split()[2] != suite)


def _proxy():
    return _output("apt-config", "shell", "http_proxy", "Acquire::http::Proxy",
                   ).partition("=")[2].strip().strip("'")


def look_at_machine():
    """Raises CannotRun where something is lacking."""
    if os.geteuid() != 0:
        raise CannotRun("this user is not root")
    for program in ("apt-get", "debootstrap", "unshare", "nsenter"):
        if not shutil.which(program, path=PATH):
            raise CannotRun(f"there is no {program}")
    # Each of the namespaces, and mounts in them.
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc",
         "true"], capture_output=True, text=True, timeout=LONG, check=False)
    if done.returncode != 0:
        raise CannotRun(f"no namespaces: {done.stderr.strip()}")


def _made_once(name, make):
    """The directory of that name in the cache, made by `make` where it is not
    there.  Layers that a week has not used give way to a new one."""
    place = CACHE / name
    if not place.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            made = pathlib.Path(directory) / "root"
            make(made)
            try:
                made.rename(place)
            except OSError:  # Another one was faster.
                if not place.exists():
                    raise
        for other in CACHE.glob("layer-*"):
            if other.stat().st_mtime < time.time() - 7 * 86400:
                shutil.rmtree(other, ignore_errors=True)
    os.utime(place)
    return place


def base(image):
    """A root that has what the base image has."""
    suite = SUITES[image]

    def make(root):
        sources = _sources(suite)
        if not sources:
            raise CannotRun(f"apt of this machine knows no {suite}")
        environment = dict(os.environ, PATH=PATH)
        if _proxy():
            environment["http_proxy"] = _proxy()
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", suite, root,
             sources[0].split()[1]], capture_output=True, text=True,
            timeout=300, check=False, env=environment)
        if done.returncode != 0:
            raise CannotRun(f"debootstrap: {done.stdout[-500:]}{done.stderr}")
        shutil.rmtree(root / "var/cache/apt/archives")
        (root / "etc/apt/sources.list").write_text("".join(sources))
        if _proxy():
            (root / "etc/apt/apt.conf.d/proxy").write_text(
                f'Acquire::http::Proxy "{_proxy()}";\n')

    return _made_once(f"base-{suite}", make)


def run_step(root, command, environment=None, directory="/", limit=600):
    """RUN: `command` in the root.  Raises AssertionError where it fails."""
    # With a CCACHE_DIR compilers in the root use it, too.
    inherited = {name: value for name, value in os.environ.items()
                 if name.startswith("CCACHE_")}
    mounts = ""
    if "CCACHE_DIR" in inherited:
        place = f"{root}{inherited['CCACHE_DIR']}"
        os.makedirs(place, exist_ok=True)
        mounts = shlex.join(["mount", "--bind", inherited["CCACHE_DIR"], place])
    inside = shlex.join(["chroot", str(root), "/bin/sh", "-c",
                         f"cd {shlex.quote(directory)} && {command}"])
    resolver = root / "etc/resolv.conf"
    shutil.copyfile("/etc/resolv.conf", resolver)
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec",
             f"mount -t proc proc {shlex.quote(str(root))}/proc\n{mounts}\n"
             f"exec {inside}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=limit,
            env={"PATH": PATH, "HOME": "/root", **inherited,
                 **(environment or {})})
    finally:
        resolver.unlink()
    if done.returncode != 0 and NO_NETWORK.search(done.stdout):
        raise CannotRun(f"no network: {done.stdout[-500:]}")
    if done.returncode != 0:
        raise AssertionError(f"RUN {command}: {done.stdout[-3000:]}")
    return done.stdout


def copy_tree(source, target):
    subprocess.run(["cp", "--archive", "--reflink=auto", source, target],
                   check=True, timeout=LONG)


class _Build:
    """The steps of one stage, one after another."""

    def __init__(self, root, copied, context):
        self._root = root
        self._copied = copied
        self._context = context
        self._environment = {}
        self._directory = "/"

    def do(self, step):
        if step.keyword == "RUN":
            run_step(self._root, step.text, self._environment, self._directory,
                     limit=5400)
        elif step.keyword == "COPY" and step.text.startswith("--from="):
            self._copy_from(*step.text.removeprefix("--from=").split())
        elif step.keyword == "COPY":
            *sources, target = step.text.split()
            for source in sources:
                self._copy_of_context(source, target)
        elif step.keyword == "ENV":
            self._environment.update(step.pairs())
        elif step.keyword == "WORKDIR":
            self._directory = step.text
            (self._root / step.text.strip("/")).mkdir(parents=True,
                                                      exist_ok=True)

    def _copy_from(self, stage, source, target):
        source = self._copied[stage] / source.strip("/")
        subprocess.run(["cp", "--archive", f"{source}/.",
                        self._root / target.strip("/")], check=True, timeout=LONG)

    def _copy_of_context(self, source, target):
        """What a checkout has of it, which is what .dockerignore leaves."""
        place = self._root / self._directory.strip("/") / target
        base = source if (self._context / source).is_dir() else os.path.dirname(
            source)
        for file in _output(
                "git", "-C", self._context, "ls-files", "--cached", "--others",
                "--exclude-standard", "--", source).splitlines():
            to = place / os.path.relpath(file, base or ".")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._context / file, to)


def build(stage, root, copied=None, context=None):
    """Does the steps of `stage` at `root`.  `copied` has, by its name, the root
    of each stage that is copied from; `context` is the tree that is.  Raises
    AssertionError where a step fails, CannotRun where that says nothing."""
    steps = list(stage.instructions)
    first_copy = next(i for i, step in enumerate(steps)
                      if step.keyword == "COPY")
    below = base(stage.base)

    # What comes before is the same whatever was built.
    def make(made):
        copy_tree(base(stage.base), made)
        first = _Build(made, copied, context)
        for step in steps[:first_copy]:
            first.do(step)

    text = "".join(f"{s.keyword} {s.text}\n" for s in steps[:first_copy])
    key = hashlib.sha256((stage.base + text).encode()).hexdigest()[:16]
    if any(step.keyword == "RUN" for step in steps[:first_copy]):
        below = _made_once(f"layer-{key}", make)
    copy_tree(below, root)
    rest = _Build(root, copied, context)
    for number, step in enumerate(steps):
        if number >= first_copy or step.keyword != "RUN":
            rest.do(step)
    # As an engine has it.
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")


def linked_libraries(root, program):
    """What `ldd` says in the root: the path of each library by its name, None
    where it is not there."""
    found = {}
    for line in run_step(root, f"ldd {shlex.quote(program)}").splitlines():
        name, arrow, where = line.strip().partition(" => ")
        if arrow:
            found[name] = None if "not found" in where else where.split()[0]
    return found


def needed_libraries(root, program):
    """What the program itself names."""
    text = _output("readelf", "--dynamic", root / program.strip("/"))
    return {line.partition("[")[2].rstrip("]") for line in text.splitlines()
            if "(NEEDED)" in line}


def installed_packages(root):
    return set(_output("dpkg-query", f"--root={root}", "--show",
                       "--showformat=${Package}\n").split())


def owner(root, library):
    """The package that has the library."""
    found = _output("dpkg-query", f"--root={root}", "--search", f"*/{library}")
    return found.partition(":")[0]


class Container:
    """A process, PID 1, that sees the root alone, over no network but its own
    loopback, as `stage` and the options say."""

    def __init__(self, root, stage, arguments=None, volumes=(), read_only=True,
                 entrypoint=None):
        self._directory = tempfile.TemporaryDirectory(prefix="pdp-image-")
        own = pathlib.Path(self._directory.name)
        self.log = own / "log"
        uid, _, gid = stage.one("USER").text.partition(":")
        self.user = int(uid), int(gid)
        self.stop_signal = signal.Signals[stage.one("STOPSIGNAL").text]
        self.health_command = json.loads(
            stage.one("HEALTHCHECK").text.partition(" CMD ")[2])
        mounts = [list(map(str, volume)) for volume in volumes]
        # A volume that nobody names is made as the image has it.
        for number, place in enumerate(stage.one("VOLUME").listed()):
            if place not in [mount[1] for mount in mounts]:
                copy_tree(root / place.strip("/"), own / str(number))
                mounts.append([str(own / str(number)), place, "rw"])
        for _, place, _ in mounts:
            (root / place.strip("/")).mkdir(parents=True, exist_ok=True)
        if arguments is None:
            arguments = stage.one("CMD").listed()
        if entrypoint is None:
            entrypoint = stage.one("ENTRYPOINT").listed()
        spec = {"root": str(root), "uid": self.user[0], "gid": self.user[1],
                "mounts": mounts, "read_only": read_only,
                "environment": {"PATH": PATH}, "argv": entrypoint + arguments}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts",
                 "--fork", "--kill-child", sys.executable, "-B", ENTER,
                 json.dumps(spec)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def pid(self):
        """Of its first process, as the host sees it."""
        children = pathlib.Path("/proc", str(self.process.pid), "task",
                                str(self.process.pid), "children")
        return int(children.read_text().split()[0])

    def run(self, *command):
        """`command` in the container, as its user."""
        uid, gid = self.user
        return subprocess.run(
            ["nsenter", f"--target={self.pid()}", "--mount", "--pid", "--net",
             "--ipc", "--uts", "--root", "--wd", f"--setuid={uid}",
             f"--setgid={gid}", "--", *command], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=LONG,
            env={"PATH": PATH})

    def get(self, url):
        """The body of an HTTP answer, asked for inside."""
        code = ("import sys, urllib.request as r;"
                "sys.stdout.buffer.write(r.urlopen(sys.argv[1], timeout=10).read())")
        return _output("nsenter", f"--target={self.pid()}", "--net",
                       sys.executable, "-c", code, url)

    def wait_until_healthy(self):
        end = time.monotonic() + LONG
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.run(*self.health_command).returncode == 0:
                    return
            except (FileNotFoundError, IndexError):
                pass  # It is being made, or has just ended.
            time.sleep(0.1)
        raise AssertionError(f"it is not healthy: {self.log.read_text()}")

    def stop(self):
        """As `docker stop` does; returns the exit code."""
        os.kill(self.pid(), self.stop_signal)
        return self.process.wait(LONG)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._directory.cleanup()

"""The databases that the where-clauses are run on: SQLite in memory and a
PostgreSQL of our own, on a Unix socket, that nobody else reaches."""

import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

import sqlalchemy as sa

ABSENT = "NOT RUN on PostgreSQL: "


def sqlite():
    return sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool,
                            connect_args={"check_same_thread": False})


class Postgres:
    """A server that lives as long as a test.  `missing` says why there is
    none."""

    def __init__(self):
        self.missing = None
        self.engine = None
        self._process = None
        self._directory = None
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        try:
            import psycopg2  # noqa: F401
        except ImportError:
            self.missing = "python3-psycopg2 is missing"
        if not binaries:
            self.missing = "postgresql is missing"
        if self.missing is None:
            self._start(pathlib.Path(binaries[-1]))
        else:
            print(ABSENT + self.missing, file=sys.stderr)

    def _start(self, binaries):
        self._directory = tempfile.mkdtemp(prefix="pdp-pg-")
        # The server refuses to be root.
        user = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._directory, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid,
                    "extra_groups": []}
        data = os.path.join(self._directory, "data")
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "test", "-A", "trust",
             "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **user)
        self._process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", self._directory,
             "-c", "listen_addresses=", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            **user)
        self.engine = sa.create_engine(
            f"postgresql+psycopg2://test@/postgres?host={self._directory}")
        for _ in range(600):
            try:
                self.engine.connect().close()
                return
            except sa.exc.OperationalError:
                if self._process.poll() is not None:
                    raise
                time.sleep(0.1)
        raise TimeoutError("PostgreSQL does not answer")

    def stop(self):
        if self._process is not None:
            self.engine.dispose()
            self._process.terminate()
            self._process.wait(timeout=60)
            shutil.rmtree(self._directory, ignore_errors=True)

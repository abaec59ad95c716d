"""The servers of a test of the pages.  PDP_PLACE is its directory, PDP_BIN has
the programs."""

import json
import os
import pathlib
import subprocess
import sys
import time

PLACE = pathlib.Path(os.environ["PDP_PLACE"])
BIN = pathlib.Path(os.environ["PDP_BIN"])
SERVICE = PLACE / "service.json"        # That of systemctl,
FOREGROUND = PLACE / "foreground.json"  # and `pdpd` in another terminal.


def start(state, arguments):
    """Serves in the background, at ports that are free; returns the exit code
    of a server that does not get ready."""
    stop(state)
    for flag in ("--listen", "--http-listen"):
        if flag not in arguments:
            arguments = [*arguments, flag, "127.0.0.1:0"]
    socket = state.with_suffix(".sock")
    with open(PLACE / "log", "ab") as log:
        server = subprocess.Popen(
            [BIN / "pdpd", *arguments, "--listen", f"unix:{socket}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True)
    line = server.stdout.readline()
    if not line.startswith(b'{"event":"ready"'):
        code = server.wait()
        sys.stderr.write((PLACE / "log").read_text()[-2000:])
        return code
    state.write_text(json.dumps({**json.loads(line), "socket": str(socket)}))
    print(line.decode(), end="")
    return 0


def is_running(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def stop(state):
    if not state.exists():
        return
    pid = json.loads(state.read_text())["pid"]
    if is_running(pid):
        os.kill(pid, 15)
    end = time.monotonic() + 60
    while is_running(pid):
        if time.monotonic() > end:
            sys.exit(f"{pid} does not end")
        time.sleep(0.01)
    state.unlink()


def current():
    """What a client in another terminal finds; None where nothing is served."""
    for state in (FOREGROUND, SERVICE):
        if state.exists():
            return json.loads(state.read_text())
    return None

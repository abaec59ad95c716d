"""The inside of plain_root.Container, already in namespaces of its own: mounts
what it is to see, gives up all privileges, and becomes the program."""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def prctl(*arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(*arguments, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {arguments}")


def main():
    spec = json.loads(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))

    root = spec["root"]
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-t", "proc", "proc", f"{root}/proc")
    for source, place, how in spec["mounts"]:
        mount("--bind", source, f"{root}{place}")
        if how == "ro":
            mount("-o", "remount,bind,ro", f"{root}{place}")
    if spec["read_only"]:
        mount("-o", "remount,bind,ro", root)

    # After chroot Python finds no modules of its own.
    with open("/proc/sys/kernel/cap_last_cap", encoding="utf-8") as last:
        capabilities = range(int(last.read()) + 1)
    os.chroot(root)
    os.chdir("/")
    for capability in capabilities:
        prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.setgroups([])
    os.setresgid(*[spec["gid"]] * 3)
    os.setresuid(*[spec["uid"]] * 3)
    # It ends with whoever waits for it; the change of user has undone that.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execvpe(spec["argv"][0], spec["argv"], spec["environment"])


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Answers questions on its input by the Python client.

usage: ask.py TARGET CA CERTIFICATE KEY

Asked `SUBJECT INTERACTION TYPE/ID [BODY]` on a line, answers `EFFECT REASON
DECISION-ID`; without a decision `NO_DECISION STATUS -`.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] /
                       "clients/python"))

from medplum_pdp import PdpClient, Tls, check_request  # noqa: E402


def answer(client, line):
    subject, interaction, resource, *body = line.rstrip("\n").split(" ", 3)
    decision = client.check(check_request(
        subject, interaction, resource, body=body[0] if body else None))
    why = decision.failure.code if decision.failure else decision.reason
    return f"{decision.effect.value} {why} {decision.decision_id or '-'}"


def main():
    target, ca, certificate, key = sys.argv[1:]
    tls = Tls(ca_file=ca, certificate_file=certificate, private_key_file=key)
    with PdpClient(target, tls=tls, timeout=20) as client:
        for line in sys.stdin:
            print(answer(client, line), flush=True)


if __name__ == "__main__":
    main()

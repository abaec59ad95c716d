"""Certificates for tests."""

import subprocess


class Authority:
    """Issues certificates into a directory."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = name
        self.certificate = f"{directory}/{name}.pem"
        self.key = f"{directory}/{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.key,
                "-out", self.certificate)

    def issue(self, name, subject, days=1):
        """The files of a certificate and its key."""
        stem = f"{self.directory}/{self.name}-{name}"
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        with open(f"{stem}.ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={subject}\n")
        openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", self.certificate,
                "-CAkey", self.key, "-CAcreateserial", "-days", str(days),
                "-extfile", f"{stem}.ext", "-out", f"{stem}.pem")
        return f"{stem}.pem", f"{stem}.key"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)

"""An authority of the tests' own, and the certificates that it signs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple


class Signed(NamedTuple):
    """A certificate and its key, as files."""

    certificate: str
    key: str


class Authority:
    """Signs what it is asked to; its own certificate is ``file``."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._own = Signed(str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
        self.file = self._own.certificate
        self._openssl(self._own, "-subj", f"/CN={name}", "-addext", "keyUsage=keyCertSign")

    def sign(self, who: str) -> Signed:
        """For a server of this name or address, as openssl writes it: ``IP:127.0.0.1``; or for a client."""
        stem = f"{self._name}-{who.replace(':', '-')}"
        made = Signed(str(self._folder / f"{stem}.pem"), str(self._folder / f"{stem}.key"))
        authority = ("-CA", self._own.certificate, "-CAkey", self._own.key)
        self._openssl(made, "-subj", "/CN=x", "-addext", f"subjectAltName={who}", *authority)
        return made

    def _openssl(self, made: Signed, *more: str) -> None:
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        subprocess.run(
            ["openssl", *new, "-days", "2", "-keyout", made.key, "-out", made.certificate, *more],
            check=True,
            capture_output=True,
        )

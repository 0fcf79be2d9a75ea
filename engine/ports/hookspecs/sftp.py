"""Files put into a folder of an SFTP server that is known by its public key."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import paramiko

from engine.ports.hookspecs.plugin import Permanent, Transient, Unknown

PATIENCE: Final = 30.0
"""Seconds of silence after which the server is taken to be gone; the host's time-out may be shorter."""


class Remote:
    """A folder of a server."""

    def __init__(self, files: paramiko.SFTPClient, folder: str) -> None:
        self._files, self._folder = files, folder.rstrip("/")

    def put(self, name: str, data: bytes) -> str:
        """Put a file: beside its place first, then under its name, which is the act that the partner sees."""
        part, whole = f"{self._folder}/.{name}.part", f"{self._folder}/{name}"
        try:
            with self._files.open(part, "wb") as file:
                file.write(data)
            size = self._files.stat(part).st_size
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Transient(f"the server did not take {part}: {_said(error)}") from None
        if size != len(data):
            raise Transient(f"the server has {size} bytes of {part}, {len(data)} were sent")
        try:
            self._files.posix_rename(part, whole)
        except PermissionError as error:
            raise Transient(f"the server did not rename {part}: {_said(error)}") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Unknown(f"the server may have {whole}, or not: {_said(error)}") from None
        return whole


class Server(msgspec.Struct, frozen=True):
    """An SFTP server; fields as in ``plugin.yaml``."""

    host: str
    port: int
    user: str
    password: str
    host_key: str
    folder: str

    @contextmanager
    def connected(self) -> Iterator[Remote]:
        """Its folder, for a while.

        Raises:
            Transient, Permanent: nothing was sent.
        """
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        kind, _, key = self.host_key.partition(" ")
        try:
            name = self.host if self.port == paramiko.config.SSH_PORT else f"[{self.host}]:{self.port}"
            known = paramiko.PKey.from_type_string(kind, base64.b64decode(key.split()[0]))
            client.get_host_keys().add(name, kind, known)
            client.connect(
                self.host,
                self.port,
                self.user,
                self.password,
                allow_agent=False,
                look_for_keys=False,
                timeout=PATIENCE,
                banner_timeout=PATIENCE,
                auth_timeout=PATIENCE,
            )
            files = client.open_sftp()
        except (paramiko.AuthenticationException, paramiko.BadHostKeyException) as error:
            client.close()
            raise Permanent(f"{self.host} refuses: {_said(error)}") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            client.close()
            raise Transient(f"{self.host}:{self.port} cannot be reached: {_said(error)}") from None
        try:
            channel = files.get_channel()
            if channel is not None:
                channel.settimeout(PATIENCE)
            yield Remote(files, self.folder)
        finally:
            client.close()


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__

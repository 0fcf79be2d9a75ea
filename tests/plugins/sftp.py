"""An SFTP server on a loopback address over a folder, which fails as it is told."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko

PASSWORD = "s3cret-of-edi"


class Partner(paramiko.ServerInterface):
    """Who may come in, and with what the server fails now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fault = ""
        self.go_on = threading.Event()
        self.key = paramiko.ECDSAKey.generate()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def host_key(self) -> str:
        """Its public key as ssh-keyscan prints it."""
        return f"{self.key.get_name()} {self.key.get_base64()}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.fault == "refused":
                connection.close()
                continue
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files, self)
            with suppress(paramiko.SSHException, EOFError, OSError):  # whoever asked is gone
                transport.start_server(server=self)

    def check_auth_password(self, username: str, password: str) -> int:
        """One user."""
        good = (username, password) == ("acme", PASSWORD) and self.fault != "denied"
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        """By password."""
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only."""
        return paramiko.OPEN_SUCCEEDED

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """A while in which it fails."""
        self.fault = fault
        self.go_on.clear()
        try:
            yield
        finally:
            self.fault = ""
            self.go_on.set()


class Files(paramiko.SFTPServerInterface):
    """The folder."""

    def __init__(self, server: Partner, *args: Any, **more: Any) -> None:
        super().__init__(server)
        self.partner = server

    def _path(self, path: str) -> Path:
        return self.partner.folder / path.lstrip("/")

    def open(self, path: str, flags: int, attr: Any) -> Any:
        """Open a file to be written."""
        if self.partner.fault == "busy":
            return paramiko.SFTP_FAILURE
        handle = paramiko.SFTPHandle(flags)
        handle.writefile = os.fdopen(os.open(self._path(path), flags | os.O_CREAT, 0o644), "wb")  # type: ignore[attr-defined]
        return handle

    def stat(self, path: str) -> Any:
        """Size of a file."""
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        """Give a file its name; a fault may come after that."""
        self._path(oldpath).replace(self._path(newpath))
        if self.partner.fault == "slow":
            self.partner.go_on.wait(60)
        if self.partner.fault == "broken-off":
            return paramiko.SFTP_CONNECTION_LOST
        return paramiko.SFTP_OK

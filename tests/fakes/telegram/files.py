"""Files and the links to them, which expire."""

from pathlib import PurePath
from typing import Any

from tests.fakes.telegram.chats import File
from tests.fakes.telegram.clock import Clock
from tests.fakes.telegram.refusal import Refusal, bad_request

LARGEST_DOWNLOAD = 20 << 20
LINK_LIVES = 3600.0


class Files:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[str, File] = {}
        self._links: dict[str, tuple[File, float]] = {}

    def add(self, file: File) -> File:
        self._files[file.file_id] = file
        return file

    def find(self, file_id: str) -> File:
        if file_id not in self._files:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        return self._files[file_id]

    def link(self, file_id: str) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#file"""
        file = self.find(file_id)
        if file.size > LARGEST_DOWNLOAD:
            raise bad_request("file is too big")
        path = f"files/{file.number}{PurePath(file.name).suffix}"
        self._links[path] = (file, self._clock.now() + LINK_LIVES)
        return {**file.as_json(), "file_path": path}

    def follow(self, path: str) -> File:
        file, expires_at = self._links.get(path, (None, 0.0))
        if not file or expires_at <= self._clock.now():
            raise Refusal(404, "Not Found")
        return file

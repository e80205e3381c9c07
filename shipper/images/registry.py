"""World over a registry: this machine pushes with Docker's CLI; each server asks and pulls with its own Docker.

The password is in no argv and in no file: `cli_login.py` gives it to the CLI; a server's Docker gets it in the header
of each request, through SSH, and keeps it no longer than that.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from shipper.config.image_names import registry_of, repository_of
from shipper.env import environment
from shipper.errors import AccessDenied, ConnectError, EngineError, ImageError
from shipper.images.cli_login import logged_in
from shipper.images.docker_cli import DockerCli
from shipper.images.refusals import Request
from shipper.model.image import Credentials, Image, Published
from shipper.model.release import commit_of, short
from shipper.model.words import size_text
from shipper.planning.versions import LATEST
from shipper.project import Project
from shipper.world import Progress, Report, World


class DockerRegistry:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._docker = DockerCli(project)
        self._credentials: Credentials | None = None

    async def credentials(self, image_name: str) -> Credentials | None:
        """Looked for when they are first needed: a rollback to an image that is on the servers needs none."""
        if registry_of(image_name) != self._project.config.registry_name:
            return None  # `image` has moved since: today's password is none of the old registry's business
        if not self._credentials:
            self._credentials = await environment.registry_credentials(self._project)
        return self._credentials

    async def find(self, image_name: str, world: World) -> Published | None:
        credentials = await self.credentials(image_name)
        try:
            with self._translated(image_name, world.host_name):
                return await world.engine.published(image_name, credentials)
        except ImageError:
            return None

    async def push(self, image_name: str, world: World, say: Callable[[str], None], *, as_latest: bool) -> str:
        registry_name = registry_of(image_name)
        with suppress(AccessDenied):  # it may be that the repository is made by this push
            if await self.find(image_name, world):
                return f"{registry_name} has got it from elsewhere meanwhile: that one counts"
        login = await self.credentials(image_name)
        with self._translated(image_name, "this machine"), logged_in(self._project, login) as environ:
            await self._docker.push(image_name, environ, say)
            if as_latest and (newer := await self._newer_latest(image_name, world, environ, say)):
                return f"to {registry_name}; latest stays at {short(newer.provenance.revision)}, which is newer"
            if as_latest:
                latest = f"{repository_of(image_name)}:{LATEST}"
                await self._docker.tag(image_name, latest)
                await self._docker.push(latest, environ, say)
        return f"to {registry_name}"

    async def _newer_latest(
        self, image_name: str, world: World, environ: Mapping[str, str], say: Callable[[str], None]
    ) -> Image | None:
        """What `latest` is, if that is of a later commit. Most of its layers are ours, so little is pulled."""
        published = await self.find(f"{repository_of(image_name)}:{LATEST}", world)
        if not published:
            return None
        there = await self._image_here(f"{repository_of(image_name)}@{published.digest}", environ, say)
        pushed = await self._docker.find(image_name)
        return there if there and pushed and there.is_of_later_commit(pushed) else None

    async def _image_here(self, reference: str, environ: Mapping[str, str], say: Callable[[str], None]) -> Image | None:
        """What it is, without leaving behind what this machine did not have."""
        if known := await self._docker.find(reference):
            return known
        with suppress(EngineError):  # it may be for another processor
            await self._docker.pull(reference, environ, say)
            pulled = await self._docker.find(reference)
            await self._docker.remove(reference)
            return pulled
        return None

    async def pull(self, image_name: str, digest: str | None, world: World, report: Report) -> str:
        reference = await self._reference(image_name, digest, world)
        received, deadline = 0, self._project.config.timeouts.ship

        def count(progress: Progress) -> None:
            nonlocal received
            received = progress.done
            report(progress)

        try:
            with self._translated(image_name, world.host_name):
                async with asyncio.timeout(deadline):
                    await world.engine.pull(reference, await self.credentials(image_name), count)
        except TimeoutError:
            raise ConnectError(f"{world.host_name}: the image did not arrive within {deadline:g} s.") from None
        image, platform = await world.engine.image(reference), await world.engine.platform()
        if not image:
            raise ImageError(f"{world.host_name}: {image_name} is not there any more.")
        if image.platform != platform:  # Docker before 23 does not tell of each image beforehand what it is for
            await world.engine.remove_image(reference)
            found = f"{image_name} in {registry_of(image_name)} is for {image.platform}"
            raise ImageError(f"{world.host_name} is {platform}, but {found}.")
        if self._project.digest and digest == self._project.digest:
            await self._refuse_other_commit(image, reference, world)
        if reference != image_name:
            await world.engine.tag(reference, image_name)
        return f"{size_text(received)} pulled for {size_text(image.size)}"

    async def _refuse_other_commit(self, image: Image, reference: str, world: World) -> None:
        """Whoever names a digest may have mistaken the commit, whose config and env its containers would get."""
        version, revision = self._project.version, image.provenance.revision
        if image.built_for and commit_of(version) and revision != version:
            if not image.names:
                await world.engine.remove_image(reference)
            raise ImageError(
                f"{self._project.digest} is the image of {short(revision)}, not of {short(version)}.",
                next=f"Deploy that commit: shipper deploy {short(revision)} --digest {self._project.digest}",
            )

    async def _reference(self, image_name: str, digest: str | None, world: World) -> str:
        if "@" in image_name:
            return image_name
        if digest is None:
            published = await self.find(image_name, world)
            if not published:
                raise self._request(image_name, world.host_name).missing()
            digest = published.digest
        return f"{repository_of(image_name)}@{digest}"

    @contextmanager
    def _translated(self, image_name: str, where: str) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            raise self._request(image_name, where).refusal(error) from None

    def _request(self, image_name: str, where: str) -> Request:
        registry_name = registry_of(image_name)
        is_ours = registry_name == self._project.config.registry_name
        username = self._credentials.username if self._credentials and is_ours else None
        return Request(where=where, registry_name=registry_name, image_name=image_name, username=username)

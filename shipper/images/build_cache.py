"""PURE: the builder's cache of a project in its registry, for builders that have none of their own, as in CI.

It is an image of its own, `<image>:cache`, with the layers of all stages. The other way, a cache inside the image
(`BUILDKIT_INLINE_CACHE`), was tried: an image that was built from such a cache is none itself, so that every second
build began anew (https://github.com/moby/buildkit/issues/1981); and Docker has not read any since 27, unless images are
in the containerd image store (https://github.com/moby/buildkit/issues/5242).
https://docs.docker.com/build/cache/backends/registry/
"""

from shipper.config.root import Config

_TAG = "cache"


def cache_options(config: Config) -> tuple[str, ...]:
    """Of `docker buildx build`. What can be neither read nor written is passed over: a first build has none."""
    place = f"type=registry,ref={config.image}:{_TAG}"
    return (f"--cache-from={place}", f"--cache-to={place},mode=max,image-manifest=true,ignore-error=true")


def wants_cache(config: Config) -> bool:
    return bool(config.build and config.build.cache and config.registry)


def why_no_cache(*, has_buildx: bool, builder: str, storage: str) -> str:
    """Empty where the builder can have one, as `docker buildx inspect` and `docker info` tell."""
    if not has_buildx:
        return "Docker has no buildx here"
    drivers = [line.partition(":")[2].strip() for line in builder.splitlines() if line.startswith("Driver:")]
    if drivers == ["docker"] and "io.containerd.snapshotter" not in storage:
        return "Docker's own builder needs the containerd image store for one; `docker buildx create` makes others"
    return ""

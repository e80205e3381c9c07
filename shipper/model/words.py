"""Words for people that are needed everywhere."""


def setup_command(host_name: str) -> str:
    """What makes a server ready for deploys, where root can log in."""
    return f"shipper setup root@{host_name.rpartition('@')[2]}"


def preparing(host_name: str) -> str:
    """What gives lock, journal and records a place there."""
    return f"{setup_command(host_name)}; or as root there: install -d -m 2770 -g docker /var/lib/shipper"


def opening(folder: str) -> str:
    """What lets all who deploy write there, where one of them was alone with it."""
    return f"As root there: chgrp -R docker {folder} && chmod -R g+rwX {folder}"


def size_text(count: int) -> str:
    """Bytes for people."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"

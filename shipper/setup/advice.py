"""What would make a server safer: only what is not so there. It is said, and not done. PURE."""

from collections.abc import Iterator

from shipper.setup.facts import Server, Wanted

_SSHD = "in /etc/ssh/sshd_config.d/shipper.conf there, then systemctl reload ssh"


def advice(server: Server, wanted: Wanted) -> Iterator[str]:
    guessing = server.sshd.get("passwordauthentication") == "yes"
    if guessing:
        yield f"sshd takes passwords, which all the world tries: PasswordAuthentication no {_SSHD} (or fail2ban)"
    if server.sshd.get("permitrootlogin") == "yes" and guessing:
        yield f"root may log in with a password: PermitRootLogin prohibit-password {_SSHD}"
    if not server.upgrades_itself and server.distribution in ("debian", "ubuntu"):
        yield (
            "security updates are not installed by themselves: apt-get install unattended-upgrades && "
            "dpkg-reconfigure --priority=low unattended-upgrades"
        )
    if not server.firewall:
        yield (
            "no firewall is active: ufw allow OpenSSH && ufw enable, or your provider's; containers publish their "
            "ports past ufw, so keep them on 127.0.0.1"
        )
    elif wanted.publishes:
        yield (
            f"{', '.join(wanted.publishes)} can be reached from everywhere, whatever {server.firewall} says: Docker "
            "opens what containers publish. 127.0.0.1:PORT:PORT keeps one inside"
        )
    if server.needs_reboot:
        yield "an update waits for a reboot"

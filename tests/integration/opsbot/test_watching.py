"""What opsbot tells by itself: by the real one, of a real server, in a group of admins."""

import urllib.request
from dataclasses import dataclass

from tests.fakes.telegram import Chat, Message
from tests.integration.opsbot.house import House
from tests.singletons import free_port


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A group that is told."""

    ops: House
    group: Chat

    def watch(self, disk: str) -> None:
        """Every second; what is asked for is told after two looks."""
        chat = self.group.id
        self.ops.configure(more=f"chats: [{{id: {chat}}}]\nwatch: {{every: 1s, chat: {chat}, disk: {disk}}}")

    def hears(self, text: str) -> Message:
        try:
            return self.group.wait_for(text, within=20)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ops.told()}") from None

    def sees(self, message: Message, text: str) -> None:
        try:
            self.group.wait_until(lambda: text in message.text, f"{text!r} in message {message.id}", within=20)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ops.told()}") from None


def test_what_is_wrong_is_told_once_and_its_message_goes_on_over_a_restart_until_it_is_over(ops: House) -> None:
    project, server = ops.project, ops.project.server
    project.deploy()
    container = project.serving["Name"]
    watched = Watched(ops=ops, group=ops.telegram.add_group("Admins"))
    watched.watch(disk="100%")
    bot = ops.active(METRICS_PORT=str(port := free_port()))

    server.docker("exec", container, "/bin/sh", "-c", "rm /www/up")
    ill = watched.hears("production: 1 problem")
    assert f"• web on {server.address} is not well: GET /up → 404 " in ill.text

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert 'opsbot_alerts{environment="production"} 1.0' in answer.read().decode()

    refused = ops["viewer"].clicks("I am at it", ill)
    ops["approver"].clicks("I am at it", ill)
    watched.sees(ill, "👀 approver is at it")
    assert refused.answer == {"text": "This is not for you to press.", "show_alert": False}
    ops["deployer"].clicks("Until it ends", ill)
    watched.sees(ill, "🔕 muted by deployer until it ends")
    assert ill.labels == ["🔔 Unmute"]

    bot.kill()
    watched.watch(disk="1%")
    ops.active()
    full = watched.hears("has a disk that is")
    server.docker("exec", container, "/bin/sh", "-c", "touch /www/up")
    watched.sees(ill, "🟢 production: over")
    assert not ill.buttons

    server.docker("kill", container)
    down = watched.hears("is down: ")
    server.docker("start", container)
    watched.sees(down, "🟢 production: over")

    assert watched.group.from_bots == [ill, full, down]
    sent = [call for call in ops.telegram.calls if call.method.lower() == "sendmessage"]
    assert not any(call.parameters.flag("disable_notification") for call in sent)

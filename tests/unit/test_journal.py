"""The journal: what is read from one that a kill has torn."""

import json

from shipper.hosts.journal import entries

JOURNAL = [{"event": "deploy", "title": "größer 🚢"}, {"event": "begin", "step": "start"}, {"event": "outcome"}]
BYTES = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in JOURNAL).encode()


def test_each_prefix_of_a_journal_gives_the_entries_that_are_whole_in_it() -> None:
    for length in range(len(BYTES) + 1):
        prefix = BYTES[:length]
        whole = [entry for entry in prefix.split(b"\n") if entry.endswith(b"}")]

        assert list(entries(prefix.decode(errors="replace"))) == JOURNAL[: len(whole)]


def test_what_is_no_entry_is_passed_over() -> None:
    assert entries('nonsense\n[1]\n"text"\n{"event": "begin"}\n') == ({"event": "begin"},)

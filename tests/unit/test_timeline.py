from shipper.reporters.timeline import Span, drawn


def test_what_took_time_is_drawn_where_it_was_in_the_order_of_its_beginning() -> None:
    spans = [
        Span(what="a.example web start", begun=1.0, seconds=1.0),
        Span(what="a.example connect", begun=0.0, seconds=0.5),
        Span(what="a.example commit", begun=2.0, seconds=0.001),
    ]

    assert list(drawn(spans, 2.0)) == [
        "  0.00 s  a.example connect    ██████████ 0.50 s",
        "  1.00 s  a.example web start                      ████████████████████ 1.00 s",
        "  2.00 s  a.example commit                                             █ 0.00 s",
        "  2.00 s  in all",
    ]

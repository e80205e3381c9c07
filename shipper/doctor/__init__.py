"""Every condition of a deploy: looked at, judged, told."""

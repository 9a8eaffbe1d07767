"""Whole frames of interlaced ones."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
import av.filter


def deinterlaced(frame: av.VideoFrame, stream: av.VideoStream, time_base: Fraction) -> av.VideoFrame:
    """Make a whole frame, by a filter of its own, which sees no other frame: times stay, and nothing waits."""
    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream, time_base=time_base)
    filtered, sink = graph.add("yadif", "mode=send_frame:deint=all"), graph.add("buffersink")
    source.link_to(filtered)
    filtered.link_to(sink)
    graph.configure()
    source.push(frame)
    source.push(None)
    whole = cast(av.VideoFrame, sink.pull())
    whole.pts = frame.pts
    return whole

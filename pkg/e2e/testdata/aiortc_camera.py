#!/usr/bin/python3
"""A camera of another make, to compare with: aiortc, one encoder for each viewer.

    aiortc_camera.py FILE WIDTH HEIGHT FPS BITRATE

FILE holds raw yuv420p pictures, which are shown over and over in real time. Each line of the standard
input is a viewer's offer with all its candidates, {"type": "offer", "sdp": ...}; each line of the
standard output is the answer to one, in their order. It ends with the standard input.
"""

import asyncio
import fractions
import json
import sys
import time

import av
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.codecs import h264
from aiortc.contrib.media import MediaRelay


class Pictures(VideoStreamTrack):
    """The pictures of a file. A reader that is late misses pictures, as with a camera."""

    def __init__(self, path, width, height, fps):
        super().__init__()
        self.pictures = numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, height * 3 // 2, width)
        self.fps = fps
        self.began = time.monotonic()
        self.number = -1

    async def recv(self):
        self.number = max(self.number + 1, int((time.monotonic() - self.began) * self.fps))
        await asyncio.sleep(max(0, self.began + self.number / self.fps - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(self.pictures[self.number % len(self.pictures)], format="yuv420p")
        frame.pts, frame.time_base = self.number, fractions.Fraction(1, self.fps)
        return frame


def only_h264():
    """The codec of the comparison, with retransmission."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return [c for c in codecs if c.mimeType in ("video/H264", "video/rtx")]


async def answer(offer, track, viewers):
    """Begins a view and returns its answer."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # without it, it asks a STUN server far away
    viewers.add(pc)

    @pc.on("connectionstatechange")
    async def changed():
        if pc.connectionState in ("failed", "closed"):
            viewers.discard(pc)
            await pc.close()

    pc.addTrack(track)
    pc.getTransceivers()[0].setCodecPreferences(only_h264())
    await pc.setRemoteDescription(RTCSessionDescription(sdp=offer["sdp"], type=offer["type"]))
    await pc.setLocalDescription(await pc.createAnswer())
    return {"type": pc.localDescription.type, "sdp": pc.localDescription.sdp}


async def main(path, width, height, fps, bitrate):
    h264.DEFAULT_BITRATE = bitrate
    pictures, relay, viewers = Pictures(path, width, height, fps), MediaRelay(), set()
    offers = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(offers), sys.stdin)
    while line := await offers.readline():
        track = relay.subscribe(pictures, buffered=False)
        print(json.dumps(await answer(json.loads(line), track, viewers)), flush=True)
    await asyncio.gather(*(pc.close() for pc in list(viewers)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *(int(n) for n in sys.argv[2:6])))

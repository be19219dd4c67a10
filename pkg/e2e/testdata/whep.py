"""Watches by WHEP with GStreamer's webrtcbin until 60 pictures were decoded, then ends the view.

    whep.py ENDPOINT [TOKEN]
"""
import sys
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PICTURES = 60
RTP = "application/x-rtp,media=%s,encoding-name=%s,payload=%d,clock-rate=%d"


class Player:
    def __init__(self, endpoint, token):
        self.endpoint, self.token, self.view, self.pictures = endpoint, token, None, 0
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.rtc = Gst.ElementFactory.make("webrtcbin")
        self.rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.rtc)
        self.rtc.connect("pad-added", self.received)
        self.rtc.connect("notify::ice-gathering-state", self.gathering)
        receive = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        for caps in (RTP % ("video", "H264", 102, 90000), RTP % ("audio", "OPUS", 111, 48000) + ",encoding-params=(string)2"):
            self.rtc.emit("add-transceiver", receive, Gst.Caps.from_string(caps))

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        promise = Gst.Promise.new_with_change_func(self.offered, None)
        self.rtc.emit("create-offer", None, promise)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        print(self.request("DELETE", self.view).status, "to DELETE")
        print(self.pictures, "pictures decoded")

    def request(self, method, address, body=None):
        headers = {"Content-Type": "application/sdp"} if body else {}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        try:
            return urllib.request.urlopen(urllib.request.Request(address, data=body, headers=headers, method=method), timeout=30)
        except urllib.error.HTTPError as refusal:
            print(body, refusal.code, refusal.read().decode(), flush=True)
            self.loop.quit()
            raise

    def offered(self, promise, _):
        reply = promise.get_reply()  # the offer is a part of it
        self.rtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathering(self, rtc, _):
        if rtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.post)

    def post(self):
        offer = self.rtc.get_property("local-description").sdp.as_text()
        answer = self.request("POST", self.endpoint, offer.encode())
        self.view = urllib.parse.urljoin(self.endpoint, answer.headers["Location"])
        _, message = GstSdp.SDPMessage.new_from_text(answer.read().decode())
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.rtc.emit("set-remote-description", description, Gst.Promise.new())

    def received(self, _, pad):
        video = "video" in pad.get_current_caps().to_string()
        chain = "rtph264depay ! h264parse ! openh264dec" if video else "identity"
        bin = Gst.parse_bin_from_description("queue ! %s ! fakesink name=sink signal-handoffs=true sync=false" % chain, True)
        if video:
            bin.get_by_name("sink").connect("handoff", self.decoded)
        self.pipeline.add(bin)
        bin.sync_state_with_parent()
        pad.link(bin.get_static_pad("sink"))

    def decoded(self, *_):
        self.pictures += 1
        if self.pictures == PICTURES:
            self.loop.quit()


Gst.init(None)
Player(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "").run()

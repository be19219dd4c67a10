"""A network camera for tests: RTSP on a free port of 127.0.0.1, which it prints, at the path /cam. It
gives three key frames per second. Standard input is two lines, user name and password; when it ends,
the camera ends."""

import argparse
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PICTURES = "videotestsrc is-live=true horizontal-speed=2 ! video/x-raw,format=I420,width=320,height=180,framerate=30/1"
ENCODERS = {
    "h264": "openh264enc gop-size=10 bitrate=500000 complexity=low ! h264parse ! rtph264pay pt=96",
    "h265": "x265enc speed-preset=ultrafast tune=zerolatency key-int-max=10 bitrate=500 ! h265parse ! rtph265pay pt=96",
    "jpeg": "jpegenc ! rtpjpegpay pt=26",
}
SOUNDS = {
    "alaw": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "sbc": "audio/x-raw,rate=16000,channels=1 ! sbcenc ! rtpsbcpay name=pay1 pt=98",
}
METHODS = {"basic": GstRtsp.RTSPAuthMethod.BASIC, "digest": GstRtsp.RTSPAuthMethod.DIGEST}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", choices=ENCODERS, default="h264")
    parser.add_argument("--sound", choices=SOUNDS, help="A-law is what most cameras have, and SBC what ffmpeg cannot decode")
    parser.add_argument("--auth", choices=METHODS, help="ask for user name and password")
    parser.add_argument("--trace", action="store_true", help="print of each picture when it is encoded (ns) and its size")
    return parser.parse_args()


def protect(server, factory, method, user, password):
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(METHODS[method])
    if method == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.add_digest(user, password, token)
    server.set_auth(auth)
    access = "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.from_string(access)[0])


def trace(_, media):
    def sent(_, info):
        print("sent", time.time_ns(), info.get_buffer().get_size(), flush=True)
        return Gst.PadProbeReturn.OK

    media.get_element().get_by_name("pay0").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, sent)


def main():
    args = arguments()
    user, password = sys.stdin.readline().rstrip("\n"), sys.stdin.readline().rstrip("\n")
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    sound = f"audiotestsrc is-live=true ! {SOUNDS[args.sound]}" if args.sound else ""
    factory.set_launch(f"( {PICTURES} ! {ENCODERS[args.codec]} name=pay0 {sound} )")
    if args.trace:
        factory.connect("media-configure", trace)
    if args.auth:
        protect(server, factory, args.auth, user, password)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    GLib.io_add_watch(GLib.IOChannel.unix_new(0), 0, GLib.IOCondition.HUP, lambda *_: loop.quit())
    print("port", server.get_bound_port(), flush=True)
    loop.run()


main()

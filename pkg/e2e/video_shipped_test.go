package e2e

// shippedVideo is the picture as it is shipped: 1280x720, 30 pictures per second, 2 Mbit/s.
const shippedVideo = ""

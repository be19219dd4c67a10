// The part of libvpx that package vp8 uses.
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

typedef struct {
  vpx_codec_ctx_t codec;
  vpx_codec_enc_cfg_t config;
  vpx_codec_iter_t next; // of the packets of the latest picture
} vp8_state;

typedef struct {
  int ystride, cstride;
  vpx_codec_pts_t time;
  unsigned long duration;
  vpx_enc_frame_flags_t flags;
} vp8_frame;

vpx_codec_err_t vp8_open(vp8_state **state, int width, int height, unsigned kbits, int interval);
vpx_codec_err_t vp8_set_bitrate(vp8_state *state, unsigned kbits);
vpx_codec_err_t vp8_encode(vp8_state *state, const vp8_frame *frame, unsigned char *y, unsigned char *cb, unsigned char *cr);
const void *vp8_next(vp8_state *state, size_t *size);
vpx_codec_err_t vp8_close(vp8_state *state);

#include "vp8.h"

#include <stdlib.h>

// configure sets what differs from libvpx' defaults, which are for files.
static void configure(vpx_codec_enc_cfg_t *c, int width, int height, unsigned kbits, int interval) {
  c->g_w = width;
  c->g_h = height;
  c->g_timebase.num = 1;
  c->g_timebase.den = 90000;
  c->g_threads = 1;
  c->g_lag_in_frames = 0;
  c->g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
  c->rc_end_usage = VPX_CBR;
  c->rc_target_bitrate = kbits;
  c->rc_min_quantizer = 2;
  c->rc_max_quantizer = 56;
  c->rc_undershoot_pct = 100;
  c->rc_overshoot_pct = 15;
  c->rc_buf_initial_sz = 500; // ms, as the next two
  c->rc_buf_optimal_sz = 600;
  c->rc_buf_sz = 1000;
  c->rc_dropframe_thresh = 30; // % of the buffer
  c->kf_max_dist = interval;
}

// tune chooses speed: the slowest setting takes 13 times as long.
static vpx_codec_err_t tune(vpx_codec_ctx_t *codec) {
  vpx_codec_err_t err = vpx_codec_control(codec, VP8E_SET_CPUUSED, -6);
  if (!err) err = vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 1);
  // A key frame of more than 4.5 pictures' bits would fill the path.
  if (!err) err = vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, 450);
  return err;
}

vpx_codec_err_t vp8_open(vp8_state **state, int width, int height, unsigned kbits, int interval) {
  vp8_state *s = calloc(1, sizeof *s);
  if (!s) return VPX_CODEC_MEM_ERROR;
  vpx_codec_err_t err = vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &s->config, 0);
  if (!err) {
    configure(&s->config, width, height, kbits, interval);
    err = vpx_codec_enc_init(&s->codec, vpx_codec_vp8_cx(), &s->config, 0);
  }
  if (err) {
    free(s);
    return err;
  }
  err = tune(&s->codec);
  if (err) {
    vp8_close(s);
    return err;
  }
  *state = s;
  return VPX_CODEC_OK;
}

vpx_codec_err_t vp8_set_bitrate(vp8_state *s, unsigned kbits) {
  s->config.rc_target_bitrate = kbits;
  return vpx_codec_enc_config_set(&s->codec, &s->config);
}

vpx_codec_err_t vp8_encode(vp8_state *s, const vp8_frame *f, unsigned char *y, unsigned char *cb, unsigned char *cr) {
  vpx_image_t picture; // only as long as the call: the planes are Go's
  if (!vpx_img_wrap(&picture, VPX_IMG_FMT_I420, s->config.g_w, s->config.g_h, 1, y)) return VPX_CODEC_INVALID_PARAM;
  picture.planes[VPX_PLANE_Y] = y;
  picture.planes[VPX_PLANE_U] = cb;
  picture.planes[VPX_PLANE_V] = cr;
  picture.stride[VPX_PLANE_Y] = f->ystride;
  picture.stride[VPX_PLANE_U] = picture.stride[VPX_PLANE_V] = f->cstride;
  s->next = NULL;
  return vpx_codec_encode(&s->codec, &picture, f->time, f->duration, f->flags, VPX_DL_REALTIME);
}

const void *vp8_next(vp8_state *s, size_t *size) {
  const vpx_codec_cx_pkt_t *packet;
  while ((packet = vpx_codec_get_cx_data(&s->codec, &s->next))) {
    if (packet->kind == VPX_CODEC_CX_FRAME_PKT) {
      *size = packet->data.frame.sz;
      return packet->data.frame.buf;
    }
  }
  return NULL;
}

vpx_codec_err_t vp8_close(vp8_state *s) {
  vpx_codec_err_t err = vpx_codec_destroy(&s->codec);
  free(s);
  return err;
}

// A sound card for tests, as an I/O plugin of ALSA: it runs in real time, and it can be pulled out.
//
//   pcm.NAME { type seccam_card folder F rate 48000 channels 1 format S16_LE }
//
// Its microphone hears a sine of 1000 Hz at a quarter of full scale; what its loudspeaker is given goes
// to F/played. While F/busy exists somebody else uses it, while F/stalled exists its time stands still,
// and while F/unplugged exists it answers as a card does that was pulled out.
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
	snd_pcm_ioplug_t io;
	char folder[400];
	int played;
	int64_t began;           // when position was 0, in ns
	int64_t position, moved; // frames: by the clock, and read or written
	int64_t sample;          // the next of the sine
	snd_pcm_uframes_t boundary;
} card;

static int is(card *c, const char *state) {
	char path[500];
	snprintf(path, sizeof path, "%s/%s", c->folder, state);
	return access(path, F_OK) == 0;
}

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int start(snd_pcm_ioplug_t *io) {
	card *c = io->private_data;
	c->began = now();
	return 0;
}

static int stop(snd_pcm_ioplug_t *io) { return 0; }

static int prepare(snd_pcm_ioplug_t *io) {
	card *c = io->private_data;
	c->position = c->moved = 0;
	return 0;
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
	card *c = io->private_data;
	if (is(c, "unplugged")) {
		snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
		return -ENODEV;
	}
	int64_t elapsed = (now() - c->began) * io->rate / 1000000000LL;
	if (is(c, "stalled"))
		c->began = now() - c->position * 1000000000LL / io->rate;
	else if (elapsed > c->position)
		c->position = elapsed;
	// Where a real card would overrun or underrun, this one waits: a busy machine must not change the sound.
	int64_t end = io->stream == SND_PCM_STREAM_CAPTURE ? c->moved + (int64_t)io->buffer_size : c->moved;
	if (c->position > end)
		c->position = end, c->began = now() - end * 1000000000LL / io->rate;
	return c->position % c->boundary;
}

static int sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params) {
	card *c = io->private_data;
	return snd_pcm_sw_params_get_boundary(params, &c->boundary);
}

static int ready(card *c) {
	snd_pcm_ioplug_t *io = &c->io;
	pointer(io);
	int64_t waiting = c->position - c->moved;
	if (io->stream == SND_PCM_STREAM_PLAYBACK)
		waiting += io->buffer_size;
	return waiting >= (int64_t)io->period_size;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fd, unsigned int n, unsigned short *events) {
	card *c = io->private_data;
	uint64_t ticks;
	unsigned short ready_event = io->stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT;
	*events = 0;
	if (is(c, "unplugged")) { // what the kernel tells of a card that is gone
		snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
		*events = POLLERR | ready_event;
		return 0;
	}
	(void)!read(fd->fd, &ticks, sizeof ticks);
	if (ready(c))
		*events = ready_event;
	return 0;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
				  snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
	card *c = io->private_data;
	size_t wide = snd_pcm_format_physical_width(io->format) / 8, frame = wide * io->channels;
	char *data = (char *)areas->addr + areas->first / 8 + offset * (areas->step / 8);
	if (io->stream == SND_PCM_STREAM_PLAYBACK) {
		if (write(c->played, data, size * frame) < 0)
			return -errno;
	} else {
		for (snd_pcm_uframes_t i = 0; i < size; i++, c->sample++) {
			double value = 0.25 * sin(2 * M_PI * 1000 * c->sample / io->rate);
			for (unsigned ch = 0; ch < io->channels; ch++) {
				char *to = data + i * frame + ch * wide;
				if (io->format == SND_PCM_FORMAT_S32_LE)
					*(int32_t *)to = value * 2147483647;
				else if (io->format == SND_PCM_FORMAT_FLOAT_LE)
					*(float *)to = value;
				else
					*(int16_t *)to = value * 32767;
			}
		}
	}
	c->moved += size;
	return size;
}

static int close_card(snd_pcm_ioplug_t *io) {
	card *c = io->private_data;
	close(io->poll_fd);
	if (c->played >= 0)
		close(c->played);
	free(c);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = start, .stop = stop, .pointer = pointer, .transfer = transfer, .close = close_card,
	.prepare = prepare, .sw_params = sw_params, .poll_revents = poll_revents,
};

static int open_card(snd_pcm_t **pcm, const char *name, snd_pcm_stream_t stream, int mode, card *c,
		     unsigned rate, unsigned channels, unsigned format) {
	static const unsigned access_types[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
	struct itimerspec tick = {{0, 2000000}, {0, 2000000}};
	int err;
	if (is(c, "unplugged"))
		return -ENODEV;
	if (is(c, "busy"))
		return -EBUSY;
	c->io.version = SND_PCM_IOPLUG_VERSION;
	c->io.name = "SecCam test card";
	c->io.flags = SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
	c->io.callback = &callbacks;
	c->io.private_data = c;
	c->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	c->io.poll_events = POLLIN;
	timerfd_settime(c->io.poll_fd, 0, &tick, NULL);
	if (stream == SND_PCM_STREAM_PLAYBACK) {
		char path[500];
		snprintf(path, sizeof path, "%s/played", c->folder);
		c->played = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	if ((err = snd_pcm_ioplug_create(&c->io, name, stream, mode)) < 0)
		return err;
	if ((err = snd_pcm_ioplug_set_param_list(&c->io, SND_PCM_IOPLUG_HW_ACCESS, 1, access_types)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_list(&c->io, SND_PCM_IOPLUG_HW_FORMAT, 1, &format)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&c->io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&c->io, SND_PCM_IOPLUG_HW_RATE, rate, rate)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&c->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 128, 1 << 16)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&c->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 16)) < 0) {
		snd_pcm_ioplug_delete(&c->io);
		return err;
	}
	*pcm = c->io.pcm;
	return 0;
}

SND_PCM_PLUGIN_DEFINE_FUNC(seccam_card) {
	snd_config_iterator_t i, next;
	const char *folder = NULL, *format = "S16_LE";
	long rate = 48000, channels = 1;
	snd_config_for_each(i, next, conf) {
		snd_config_t *n = snd_config_iterator_entry(i);
		const char *id;
		if (snd_config_get_id(n, &id) < 0)
			continue;
		if (!strcmp(id, "folder"))
			snd_config_get_string(n, &folder);
		else if (!strcmp(id, "format"))
			snd_config_get_string(n, &format);
		else if (!strcmp(id, "rate"))
			snd_config_get_integer(n, &rate);
		else if (!strcmp(id, "channels"))
			snd_config_get_integer(n, &channels);
	}
	card *c = calloc(1, sizeof *c);
	c->played = -1;
	snprintf(c->folder, sizeof c->folder, "%s", folder);
	return open_card(pcmp, name, stream, mode, c, rate, channels, snd_pcm_format_value(format));
}
SND_PCM_PLUGIN_SYMBOL(seccam_card);

// What the browser measures about a session, once a second.

/**
 * @typedef {object} Sample
 * @property {number} frames decoded so far
 * @property {number} received bytes so far, of everything
 * @property {string} path "direct", "relayed" or "" while unknown
 * @property {number} width
 * @property {number} height
 * @property {number} fps NaN in the first sample, like the next two
 * @property {number} bitsPerSecond
 * @property {number} delay in milliseconds
 */

/** The candidate pair in use. */
function selectedPair(report) {
  for (const stats of report.values()) {
    if (stats.type === 'transport' && stats.selectedCandidatePairId) return report.get(stats.selectedCandidatePairId);
  }
  for (const stats of report.values()) {
    if (stats.type === 'candidate-pair' && stats.nominated && stats.state === 'succeeded') return stats;
  }
  return undefined;
}

/** How many bytes came so far, of everything: media, and what only keeps the path open. */
export function received(report) {
  let bytes = 0;
  for (const stats of report.values()) if (stats.type === 'transport') bytes += stats.bytesReceived ?? 0;
  return bytes;
}

function pathOf(report, pair) {
  const types = [report.get(pair?.localCandidateId)?.candidateType, report.get(pair?.remoteCandidateId)?.candidateType];
  if (!types[0] && !types[1]) return '';
  return types.includes('relay') ? 'relayed' : 'direct';
}

export class Readout {
  #last = null;

  /** @param {RTCPeerConnection} pc @returns {Promise<Sample>} */
  async sample(pc) {
    const report = await pc.getStats();
    const streams = [...report.values()].filter((stats) => stats.type === 'inbound-rtp');
    const video = streams.find((stats) => stats.kind === 'video') ?? {};
    const pair = selectedPair(report);
    const now = {
      at: performance.now(),
      bytes: streams.reduce((sum, stats) => sum + (stats.bytesReceived ?? 0), 0),
      frames: video.framesDecoded ?? 0,
      buffered: video.jitterBufferDelay ?? 0,
      emitted: video.jitterBufferEmittedCount ?? 0,
    };
    const last = this.#last ?? now;
    this.#last = now;
    const seconds = (now.at - last.at) / 1000;
    const emitted = now.emitted - last.emitted;
    const buffer = emitted > 0 ? (now.buffered - last.buffered) / emitted : NaN;
    return {
      frames: now.frames,
      received: received(report),
      path: pathOf(report, pair),
      width: video.frameWidth ?? 0,
      height: video.frameHeight ?? 0,
      fps: (now.frames - last.frames) / seconds,
      bitsPerSecond: ((now.bytes - last.bytes) * 8) / seconds,
      delay: (buffer + (pair?.currentRoundTripTime ?? 0) / 2) * 1000,
    };
  }
}

package e2e

import (
	"strings"
	"testing"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// traced opens a tab whose connections are followed; a test that fails tells what happened to them.
func traced(t *testing.T, p *page) *page {
	t.Helper()
	_, err := chromedp.Call(p.ctx, devtools.AddScriptToEvaluateOnNewDocument,
		devtools.AddScriptToEvaluateOnNewDocumentParams{Source: traceScript})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page's connections, in ms:\n%s", strings.Join(eval[[]string](p, `window.trace.dump()`), "\n"))
		}
	})
	return p
}

// traceScript notes what WebSockets and RTCPeerConnections do.
const traceScript = `(() => {
	const lines = [], connections = [];
	const note = (...words) => lines.push(Math.round(performance.now()) + ' ' + words.join(' '));
	const RealSocket = WebSocket, RealConnection = RTCPeerConnection;
	let sockets = 0;
	window.WebSocket = class extends RealSocket {
		#number = ++sockets;
		constructor(...args) {
			super(...args);
			note('socket', this.#number, 'dials');
			for (const type of ['open', 'close', 'error']) this.addEventListener(type, () => note('socket', this.#number, type));
			this.addEventListener('message', ({ data }) => {
				const { type, reason, error } = JSON.parse(data);
				if (type !== 'candidate') note('socket', this.#number, '<', type, reason ?? error?.code ?? '');
			});
		}
		send(data) {
			const { type } = JSON.parse(data);
			if (type !== 'candidate') note('socket', this.#number, '>', type);
			super.send(data);
		}
	};
	window.RTCPeerConnection = class extends RealConnection {
		#number = connections.push(this);
		constructor(...args) {
			super(...args);
			const own = (...words) => note('connection', this.#number, ...words);
			this.addEventListener('icecandidate', ({ candidate }) => own('local', candidate?.candidate));
			this.addEventListener('connectionstatechange', () => own(this.connectionState));
			this.addEventListener('iceconnectionstatechange', () => own('ice', this.iceConnectionState));
		}
		addIceCandidate(candidate) {
			note('connection', this.#number, 'remote', candidate.candidate);
			return super.addIceCandidate(candidate);
		}
	};
	const pairs = async (connection, number) => {
		const report = await connection.getStats();
		const words = ({ localCandidateId, remoteCandidateId, state, nominated, requestsSent, responsesReceived, requestsReceived }) => {
			const end = (id) => { const c = report.get(id); return [c?.candidateType, c?.relayProtocol, c?.address, c?.port].join(' '); };
			return ['pair of', number, end(localCandidateId), '->', end(remoteCandidateId), state, nominated ? 'nominated' : '',
				'sent', requestsSent, 'answered', responsesReceived, 'asked', requestsReceived].join(' ');
		};
		return [...report.values()].filter(({ type }) => type === 'candidate-pair').map(words);
	};
	const lost = async () => {
		const reports = await Promise.all(connections.map((connection) => connection.getStats()));
		const streams = reports.flatMap((report) => [...report.values()].filter(({ type }) => type === 'inbound-rtp'));
		return streams.reduce((sum, { packetsLost }) => sum + packetsLost, 0);
	};
	window.trace = { lost, dump: async () => [...lines, ...(await Promise.all(connections.map((c, i) => pairs(c, i + 1)))).flat()] };
	addEventListener('DOMContentLoaded', () => {
		const player = document.querySelector('#player');
		if (player) new MutationObserver(() => note('page', player.dataset.state, player.dataset.path, document.querySelector('#overlay-text').textContent))
			.observe(player, { attributeFilter: ['data-state', 'data-session'] });
	});
})()`

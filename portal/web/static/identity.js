// The page about a camera's certificate: what this browser has seen itself, beside the portal's word.
import { endsAs, groupsOf, rememberFingerprint, seenFingerprint } from './known.js';

const byId = (id) => document.getElementById(id);
const { camera, pinned } = byId('main').dataset;
const WRONG = 'This is not how the pinned fingerprint ends. Compare it with what the camera prints.';

function show() {
  const seen = seenFingerprint(camera);
  const differs = seen !== '' && pinned !== '' && seen !== pinned.toUpperCase();
  byId('seen').hidden = seen === '';
  byId('seen-differs').hidden = byId('believe-form').hidden = byId('seen-facts').hidden = !differs;
  byId('seen-same').hidden = differs;
  byId('seen-print').replaceChildren(...groupsOf(seen).map((group) => {
    const item = document.createElement('li');
    item.textContent = group;
    return item;
  }));
}

byId('believe-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const right = endsAs(pinned, byId('believe').value);
  byId('believe-error').hidden = right;
  byId('believe-error').querySelector('[data-text]').textContent = right ? '' : WRONG;
  if (right) byId('believe').removeAttribute('aria-invalid');
  else byId('believe').setAttribute('aria-invalid', 'true');
  byId('believe').setAttribute('aria-describedby', 'believe-error');
  if (!right) return byId('believe').focus();
  rememberFingerprint(camera, pinned);
  show();
});

// Whoever accepts a replaced camera here has compared it: this browser need not ask once more.
byId('accept-form')?.addEventListener('submit', ({ target }) => {
  if (endsAs(target.dataset.new, target.elements.confirm.value)) rememberFingerprint(camera, target.dataset.new);
});
show();

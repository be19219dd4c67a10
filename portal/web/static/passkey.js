// The page on which a passkey is added.
import { create, wirePasskey } from './passkeys.js';

const name = document.getElementById('name');
wirePasskey(document.getElementById('passkey'), async () => {
  const { recovery_codes: codes } = await create('/account/passkeys', {}, { name: name.value });
  if (!codes) {
    location.assign('/account?done=passkey-added');
    return;
  }
  document.getElementById('codes').append(...codes.map((code) => {
    const item = document.createElement('li');
    item.textContent = code;
    return item;
  }));
  document.getElementById('asking').hidden = true;
  const done = document.getElementById('added');
  done.hidden = false;
  done.focus();
});

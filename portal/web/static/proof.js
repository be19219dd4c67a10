// The page that asks people to prove who they are.
import { wireReveal } from './fields.js';
import { use, wirePasskey } from './passkeys.js';

wireReveal();
const button = document.getElementById('passkey');
wirePasskey(button, async () => {
  await use('/account/proof/passkey');
  location.assign(button.dataset.next);
});

// The log-in page.
import { wireReveal } from './fields.js';
import { use, wirePasskey } from './passkeys.js';

wireReveal();
wirePasskey(document.getElementById('passkey'), async () => {
  const { pending } = await use('/login/passkey');
  location.assign(pending ? '/setup' : '/home');
});

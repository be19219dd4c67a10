// The second step of logging in.
import { use, wirePasskey } from './passkeys.js';

wirePasskey(document.getElementById('passkey'), async () => {
  await use('/login/second/passkey');
  location.assign('/home');
});

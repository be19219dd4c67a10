// The page of an invitation's link. Who has to log in first finds it again in the same tab (home.js).
import { post, takeSecret } from './secret.js';

const KEPT = 'invitation';
const secret = takeSecret() || sessionStorage.getItem(KEPT) || '';
if (document.getElementById('opening')) {
  sessionStorage.removeItem(KEPT);
  post(document.getElementById('invite-form'), secret);
} else if (secret) {
  sessionStorage.setItem(KEPT, secret);
}

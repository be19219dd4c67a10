// The page of a guest link: takes its secret for a cookie, and goes on to the camera.
import { post, takeSecret } from './secret.js';

post(document.getElementById('guest-form'), takeSecret());

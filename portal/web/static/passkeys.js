// Passkeys: the portal's question goes to the browser, and the browser's answer back. Only the names of the
// two requests differ between logging in, signing up and the rest.

const API = '/api/v1';

/** Whether this browser can do it. Without https there is no PublicKeyCredential. */
export const supported = Boolean(globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON);

/** A refusal of the portal: its problem details. */
export class Refusal extends Error {
  /** @param {{detail?: string, title: string, errors?: Record<string, string>}} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.errors = problem.errors ?? {};
  }
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(API + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  } catch {
    throw new Refusal({ title: 'The portal cannot be reached. Check your connection, then try again.' });
  }
  const content = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Refusal(content);
  return content;
}

/** Words for what the browser, or its person, did not want. */
function words(error) {
  if (error instanceof Refusal) return error;
  if (error.name === 'InvalidStateError') return new Refusal({ title: 'This device has a passkey for your account already.' });
  return new Refusal({ title: 'No passkey was used: it was cancelled, or took too long. Try again when you like.' });
}

/**
 * Makes a passkey.
 * @param {string} path of the request that takes the answer; its question is at path + "/options"
 * @param {object} [asked] goes with the question, `more` with the answer
 */
export async function create(path, asked = {}, more = {}) {
  const { options } = await post(`${path}/options`, asked);
  let made = null;
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    made = await navigator.credentials.create({ publicKey });
    return await post(path, { ...more, credential: made.toJSON() });
  } catch (error) {
    // The portal does not know what was made: the browser may remove it again.
    if (made) PublicKeyCredential.signalUnknownCredential?.({ rpId: options.rp.id, credentialId: made.id }).catch(() => {});
    throw words(error);
  }
}

/** Uses a passkey. */
export async function use(path) {
  const { options } = await post(`${path}/options`, {});
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const used = await navigator.credentials.get({ publicKey });
    return await post(path, { credential: used.toJSON() });
  } catch (error) {
    throw words(error);
  }
}

/**
 * Shows a button where passkeys work, and what went wrong in the element that the button names.
 * @param {HTMLButtonElement | null} button
 * @param {() => Promise<void>} press
 */
export function wirePasskey(button, press) {
  if (!button) return;
  const failure = document.getElementById(button.dataset.failure);
  const show = (text) => {
    failure.querySelector('[data-text]').textContent = text;
    failure.hidden = text === '';
  };
  if (!supported) {
    document.querySelector('[data-no-passkeys]')?.removeAttribute('hidden');
    return;
  }
  for (const part of document.querySelectorAll('[data-with-passkeys]')) part.hidden = false;
  button.addEventListener('click', async () => {
    show('');
    button.disabled = true;
    try {
      await press();
    } catch (error) {
      show(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

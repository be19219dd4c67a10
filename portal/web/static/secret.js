// The secret of a link: in the address's fragment, which browsers send to nobody.

/** Takes the secret out of the address, so that it is in neither the history nor a screenshot. */
export function takeSecret() {
  const secret = location.hash.slice(1);
  if (secret) history.replaceState(null, '', location.pathname);
  return secret;
}

/** Posts the secret by the page's form, or says that there is none. */
export function post(form, secret) {
  if (!secret) {
    document.getElementById('opening').hidden = true;
    document.getElementById('no-secret').hidden = false;
    return;
  }
  form.elements.secret.value = secret;
  form.submit();
}

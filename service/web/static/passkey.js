// Making and using passkeys: the page's two buttons say which, and where the server's two halves are.
"use strict";

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function prove(button) {
  const told = await post(button.dataset.options);
  const makes = button.dataset.passkey === "create";
  const credential = makes
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(told) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(told) });
  const done = await post(button.dataset.answer, { credential: credential.toJSON() });
  window.location.assign(done.location);
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  button.addEventListener("click", async () => {
    const fault = document.getElementById("passkey-fault");
    fault.hidden = true;
    button.disabled = true;
    try {
      await prove(button);
    } catch {
      fault.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
}

// Requests to the service that served this page, by its cookie.

export class Refused extends Error {
  constructor(message, status, wait) {
    super(message);
    this.status = status;
    this.wait = wait; // seconds after which to ask again; 0 if that does not help
  }
}

async function fetched(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch {
    throw new Refused("expected an answer of the service, got none; is it running?", 0, 0);
  }
}

async function checked(response) {
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const sentence = typeof body.error === "string" ? body.error : `status ${response.status}`;
  const wait = Number(response.headers.get("Retry-After")) || 0;
  throw new Refused(sentence, response.status, Math.min(wait, 60));
}

// The object at `path`; with `body`, bytes, of a POST.
export async function ask(path, body) {
  const headers = { "Content-Type": "application/octet-stream" };
  const options = body === undefined ? {} : { method: "POST", body, headers };
  return (await checked(await fetched(path, options))).json();
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// Like `ask`, and asks again while the service is busy and `wanted()` holds.
export async function askPatiently(path, body, wanted) {
  for (;;) {
    try {
      return await ask(path, body);
    } catch (error) {
      if (!error.wait || !wanted()) throw error;
      await pause(error.wait);
      if (!wanted()) throw error;
    }
  }
}

// A token becomes the cookie of this page. Tokens are ASCII, and no header takes all other characters.
export async function signIn(token) {
  if (/[^ -~]/.test(token)) throw new Refused("expected a token, got other characters", 401, 0);
  const headers = { Authorization: `Bearer ${token}` };
  await checked(await fetched("/session", { method: "POST", headers }));
}

// Requests to the service, with the token of this tab.

const TOKEN = "gdopt token";
const WHO = "gdopt worker";

/** The service refused: `status` is HTTP's, the message is what Python would have said. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  clear: () => sessionStorage.removeItem(TOKEN),
};

/** Who sits at this tab, as they said; null if they did not. */
export const who = {
  get: () => sessionStorage.getItem(WHO) || null,
  set: (name) => sessionStorage.setItem(WHO, name.trim()),
};

/** The token that came after the # of the address, which is taken out of it. */
export function tokenOfAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) history.replaceState(null, "", location.pathname);
  return found;
}

/** A key for a request that may have to be sent again. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The response to a request, whose body is sent as JSON, or as it is if it is an ArrayBuffer; throws `Refused`, or a TypeError if there is no connection. */
export async function send(method, path, body = null, headers = {}) {
  const response = await fetch(`/v1/${path}`, {
    method,
    cache: "no-store",
    headers: { authorization: `Bearer ${token.get()}`, "content-type": "application/json", ...headers },
    body: body === null || body instanceof ArrayBuffer ? body : JSON.stringify(body),
  });
  if (response.ok || response.status === 304) return response;
  throw new Refused(response.status, await reason(response));
}

async function reason(response) {
  try {
    return (await response.json()).message;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

/** Save a table as a file. */
export async function download(path) {
  const content = await (await send("GET", path)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = path;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

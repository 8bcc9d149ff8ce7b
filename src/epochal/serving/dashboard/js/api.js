/* Everything is asked of the service here: with the key, and with its own words when it says no. */
import { askForKey } from "./parts/key.js";

let key = null;
try { key = sessionStorage.getItem("epochal-key"); } catch { /* storage may be forbidden */ }

/** What the service refused, in its own words (RFC 9457). */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail || problem?.title || `the service answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export const hasKey = () => Boolean(key);

/** Ask; a 401 asks the reader for a key, and then again. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key ? { "X-API-Key": key } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { detail: "the service cannot be reached" });
  }
  if (response.status === 401) {
    setKey(await askForKey(Boolean(key)));
    return ask(path, options);
  }
  if (!response.ok) throw new Refused(response.status, await problemOf(response));
  return response;
}

export const get = async (path, options) => (await ask(path, options)).json();

export const text = async (path, options) => (await ask(path, options)).text();

export async function post(path, body, options = {}) {
  const headers = { "Content-Type": "application/json", ...options.headers };
  return (await ask(path, { ...options, method: "POST", headers, body: JSON.stringify(body) })).json();
}

/** Send a file with progress, which fetch cannot tell; resolves to what was answered. */
export function upload(path, form, { onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (key) request.setRequestHeader("X-API-Key", key);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    request.onload = async () => {
      const answer = parse(request.responseText);
      if (request.status === 401) {
        setKey(await askForKey(Boolean(key)));
        upload(path, form, { onProgress, signal }).then(resolve, reject);
      } else if (request.status >= 400) reject(new Refused(request.status, answer));
      else resolve(answer);
    };
    request.onerror = () => reject(new Refused(0, { detail: "the service cannot be reached" }));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Save what an address gives as a file: with the key, which a plain link could not send. */
export async function download(path, otherwise) {
  const response = await ask(path);
  const given = /filename="?([^";]+)"?/.exec(response.headers.get("Content-Disposition") || "");
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = given ? given[1] : otherwise;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function setKey(value) {
  key = value;
  try { sessionStorage.setItem("epochal-key", value); } catch { /* kept for this page alone */ }
}

async function problemOf(response) {
  return parse(await response.text());
}

function parse(body) {
  try { return JSON.parse(body); } catch { return null; }
}

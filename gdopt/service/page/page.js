// The page: signing in, following the study, asking and telling.

import { enterFailure, enterResult } from "./dialogs.js";
import { byId, counted, digits, element, inline, say, shown } from "./dom.js";
import { drawFront, drawHypervolume, drawProgress, drawSpace } from "./figures.js";
import { showHistory } from "./history.js";
import { count } from "./number.js";
import { download, newKey, Refused, send, token, tokenOfAddress, who } from "./service.js";
import { Table } from "./table.js";

// Milliseconds between looks at what others have done.
const PAUSE = 2000;
// Parameters of the best trial that are shown beside it.
const SHOWN = 12;

const page = { standing: null, trials: [], tag: null, timer: null, looking: null, key: null };
const table = new Table(act);

// --- signing in ---

function enter(message = "") {
  clearTimeout(page.timer);
  token.clear();
  Object.assign(page, { standing: null, trials: [], tag: null });
  byId("study").hidden = byId("leave").hidden = true;
  byId("enter").hidden = false;
  say(byId("link"), "");
  byId("login-error").textContent = message;
  byId("token").value = "";
  byId("token").focus();
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(byId("token").value.trim());
  refresh();
});
byId("leave").addEventListener("click", () => enter());
window.addEventListener("hashchange", start);

function start() {
  const found = tokenOfAddress();
  if (found) token.set(found);
  if (token.get()) refresh();
  else if (!page.standing) enter();
}

function show() {
  const signedIn = !byId("enter").hidden;
  byId("enter").hidden = true;
  byId("study").hidden = byId("leave").hidden = false;
  // What had the focus is gone.
  if (signedIn) byId("n").focus();
  draw();
}

// --- following the study ---

/** Look whether anything has happened, now and then again; one look at a time. */
function look() {
  page.looking ??= once().finally(() => {
    page.looking = null;
    clearTimeout(page.timer);
    if (token.get()) page.timer = setTimeout(look, PAUSE);
  });
  return page.looking;
}

async function once() {
  if (document.hidden && page.standing) return;
  const by = token.get();
  try {
    const response = await send("GET", "status", null, page.tag ? { "if-none-match": page.tag } : {});
    say(byId("link"), "Live: new results appear by themselves.");
    if (response.status === 304) return;
    const standing = await response.json();
    const { trials } = await (await send("GET", "trials")).json();
    // Someone may have signed out meanwhile.
    if (token.get() !== by) return;
    if (!page.standing) byId("n").value = standing.batch;
    Object.assign(page, { standing, trials, tag: response.headers.get("etag") });
    show();
  } catch (error) {
    if (token.get() !== by) return;
    if (error.status === 401) enter(error.message);
    else say(byId("link"), error instanceof Refused ? error.message : "No connection to the service; trying again.", true);
    if (!page.standing && error.status !== 401) byId("login-error").textContent = byId("link").textContent;
  }
}

/** What one has done oneself is looked at at once, after a look that had begun before. */
async function refresh() {
  await page.looking;
  await look();
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && token.get()) look();
});

function draw() {
  const { standing, trials } = page;
  document.title = `${standing.name} – gdopt`;
  byId("name").textContent = standing.name;
  const limits = standing.limits.length ? `, with ${standing.limits.join(" and ")}` : "";
  const aims = standing.objectives.map((one) => `${one.direction} ${one.name}`).join(", ");
  say(byId("goal"), `${aims}${limits}`);
  const conditions = [...standing.constraints, ...(standing.allowed ? [`allowed by ${standing.allowed}`] : [])];
  byId("constraints").hidden = !conditions.length;
  say(byId("constraints"), `constraints: ${conditions.join("; ")}`);
  drawBest(standing, trials);
  say(byId("counts"), Object.entries(standing.counts).map(([state, count]) => `${count} ${state}`).join(", "));
  figures();
  table.update(standing, trials);
}

function drawBest(standing, trials) {
  const best = standing.best;
  const [big, small] = standing.objectives.length > 1 ? frontInWords(standing, trials) : bestInWords(standing, trials);
  byId("best-heading").textContent = standing.objectives.length > 1 ? "Front so far" : "Best so far";
  if (byId("best").textContent === big + small) return;
  byId("best").replaceChildren(big, ...(small ? [element("small", {}, small)] : []));
  const params = Object.entries(best?.params ?? {});
  const unit = Object.fromEntries(standing.parameters.map((p) => [p.name, p.unit ? ` ${p.unit}` : ""]));
  byId("best-params").replaceChildren(
    ...params.slice(0, SHOWN).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, shown(value) + unit[name]))),
  );
  if (params.length > SHOWN) byId("best-params").append(`and ${params.length - SHOWN} more`);
}

function bestInWords({ best }, trials) {
  return best === null ? [noneInWords(trials), ""] : [digits(best.value), ` in trial ${best.id}`];
}

function frontInWords({ front, hypervolume }, trials) {
  if (!front.length) return [noneInWords(trials), ""];
  const worth = hypervolume > 0 ? `hypervolume ${digits(hypervolume)}` : "none better than the reference in all objectives";
  return [counted(front.length, "trial"), ` ${worth}`];
}

function noneInWords(trials) {
  const done = trials.filter((t) => t.value !== null);
  return done.length && !done.some((t) => t.satisfied) ? "none is known to keep the limits" : "none yet";
}

function figures() {
  if (!page.standing || byId("study").hidden) return;
  const several = page.standing.objectives.length > 1;
  byId("front").parentElement.hidden = !several;
  byId("space").parentElement.classList.toggle("whole", several);
  if (several) drawFront(byId("front"), page.standing, page.trials);
  (several ? drawHypervolume : drawProgress)(byId("progress"), page.standing, page.trials);
  drawSpace(byId("space"), page.standing, page.trials);
}

let width = 0;
new ResizeObserver(([seen]) => {
  if (seen.contentRect.width === width) return;
  width = seen.contentRect.width;
  requestAnimationFrame(figures);
}).observe(byId("progress"));

// --- asking ---

byId("worker").value = who.get() ?? "";
byId("ask").addEventListener("input", () => { page.key = null; });

byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = byId("ask-button");
  if (button.getAttribute("aria-disabled")) return;
  // Disabled in words only: a button that is disabled loses the focus.
  button.setAttribute("aria-disabled", "true");
  say(byId("ask-said"), "Asking. It may take a while if there is something to learn.");
  try {
    const n = asked(byId("n").value);
    who.set(byId("worker").value);
    say(byId("ask-said"), await ask(n, who.get()));
  } catch (error) {
    const lost = error instanceof TypeError;
    // Sent again, the same key gets the trials of an answer that was lost.
    if (!lost) page.key = null;
    say(byId("ask-said"), lost ? "No connection to the service. Ask again: nothing is asked for twice." : error.message, true);
  }
  button.removeAttribute("aria-disabled");
});

function asked(text) {
  try {
    return count(text);
  } catch (error) {
    throw new Error(`Trials: ${error.message}`);
  }
}

async function ask(n, worker) {
  page.key ??= newKey();
  const response = await send("POST", "ask", { n, worker }, { "idempotency-key": page.key });
  const { trials } = await response.json();
  page.key = null;
  await refresh();
  return trials.length === 1
    ? `Trial ${trials[0].id} is new: ${inline(trials[0].params)}`
    : `${trials.length} trials are new: ${trials.map((t) => t.id).join(", ")}`;
}

// --- plates ---

for (const [id, path] of [["plate", "plate.csv"], ["frame", "frame.csv"]]) {
  byId(id).addEventListener("click", () => inFull(async () => {
    await download(path);
    return `${path} is saved.`;
  }));
}

byId("tell-plate").addEventListener("click", () => byId("plate-file").click());

byId("plate-file").addEventListener("change", async () => {
  const [file] = byId("plate-file").files;
  if (file) await inFull(() => tellPlate(file));
  // The same file, mended, is another choice.
  byId("plate-file").value = "";
});

async function tellPlate(file) {
  who.set(byId("worker").value);
  const query = new URLSearchParams({ file: file.name, ...(who.get() && { worker: who.get() }) });
  const response = await send("POST", `plate?${query}`, await file.arrayBuffer(), { "content-type": "text/csv" });
  const said = await response.json();
  await refresh();
  const parts = ["told", "failed", "abandoned", "pending"].filter((name) => said[name].length).map((name) => `${said[name].length} ${name}`);
  return `${file.name}: ${parts.join(", ") || "no rows"}; ${said.new ? `${said.new} new` : "nothing of it is new"}`;
}

/** Say what came of it, an error with all of its lines. */
async function inFull(what) {
  try {
    say(byId("plate-said"), await what());
  } catch (error) {
    const lost = error instanceof TypeError;
    say(byId("plate-said"), lost ? "No connection to the service. Try again: nothing is told twice." : error.message, true);
  }
}

// --- telling ---

async function act(what, trial) {
  if (what === "history") {
    try {
      await showHistory(page.standing, trial);
    } catch (error) {
      say(byId("table-said"), error.message, true);
    }
    return;
  }
  if (what === "failure") {
    const give = (end, reason, worker) => send("POST", end, { ids: [trial.id], reason, worker });
    const saved = await enterFailure(trial, give);
    if (saved) await told(`Trial ${trial.id} is ${saved}.`);
    return;
  }
  const amends = what === "amend";
  const [method, path] = amends ? ["POST", `trials/${trial.id}/amend`] : ["PUT", `trials/${trial.id}/result`];
  const saved = await enterResult(page.standing, trial, amends, (body) => send(method, path, body));
  if (saved) await told(`The result of trial ${trial.id} is saved: ${saved}.`);
}

/** Say so, and go to the next trial that waits. */
async function told(text) {
  byId("worker").value = who.get() ?? "";
  await refresh();
  say(byId("table-said"), text);
  const next = byId("rows").querySelector("[aria-label^='Result: trial']");
  (next ?? byId("trials-heading")).focus();
}

start();

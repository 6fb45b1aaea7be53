// The live board: takes pushed boards, keeps one card a call, hands commands to the console.

import { Card, duration, make, setText } from "/static/card.js";

const byId = (id) => document.getElementById(id);
const cards = new Map();
const rung = new Set();
const SILENT_S = 12; // The service pushes every 5 s, whatever happens.
let board = null;
let skew = 0;
let pushed = 0;
let token = sessionStorage.getItem("token") || "";
let who = localStorage.getItem("who") || "";
let sound = localStorage.getItem("sound") === "on";

const now = () => Date.now() / 1000 - skew;
const say = (text) => {
  const note = byId("answer");
  setText(note, text);
  note.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { note.hidden = true; }, 6000);
};

// --- drawing ---

const draw = () => {
  if (!board) return;
  const focused = document.activeElement;
  const list = byId("calls");
  const present = new Set(board.calls.map((call) => call.call));
  for (const [key, card] of cards) if (!present.has(key)) { card.root.remove(); cards.delete(key); }
  board.calls.forEach((call, index) => {
    if (!cards.has(call.call)) cards.set(call.call, new Card({ act, take }));
    const card = cards.get(call.call);
    card.update(call, now(), Boolean(token));
    if (list.children[index] !== card.root) list.insertBefore(card.root, list.children[index] || null);
  });
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  drawFrame();
};

const drawFrame = () => {
  const { calls, alerts } = board.totals;
  setText(byId("totals"), `${calls} ${calls === 1 ? "call" : "calls"}, ${alerts} ${alerts === 1 ? "alert" : "alerts"}`);
  const hidden = calls - board.calls.length;
  byId("more").hidden = hidden <= 0;
  setText(byId("more"), `and ${hidden} calmer calls`);
  byId("lately").hidden = !board.recent.length;
  byId("recent").replaceChildren(...board.recent.slice(0, 8).map((alert) =>
    make("li", "", [alert.summary, alert.queue, alert.agent, alert.by && `taken by ${alert.by}`, alert.reason]
      .filter(Boolean).join(" · "))));
};

// One sound and one announcement for all alerts that come together.
const announce = () => {
  const open = board.calls.flatMap((call) => call.alerts.map((alert) => [call, alert]))
    .filter(([, alert]) => ["fired", "escalated"].includes(alert.state) && !alert.shadow && !alert.silenced_by);
  const fresh = open.filter(([, alert]) => !rung.has(alert.alert));
  rung.clear();
  open.forEach(([, alert]) => rung.add(alert.alert));
  if (!fresh.length) return;
  const texts = fresh.map(([call, alert]) => `${alert.severity}: ${alert.summary}, ${call.queue || ""} ${call.agent || ""}`);
  setText(byId("announce"), texts.slice(0, 3).join("; "));
  if (sound) beep();
};

const beep = () => {
  const context = beep.context || (beep.context = new AudioContext());
  const [tone, volume] = [context.createOscillator(), context.createGain()];
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.15, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.6);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.6);
};

// --- what is pushed ---

// What is wrong now, the worst first: nothing else may be said then, least of all that all is quiet.
const troubles = (lost) => {
  if (lost) return [["The service can't be reached: what you see is old", ""]];
  if (!board) return [];
  const { heard, calls } = board.hearing;
  const deaf = heard < calls ? [[`${calls - heard} of ${calls} ${calls === 1 ? "call is" : "calls are"} not heard`, ""]] : [];
  const away = Object.entries(board.away).flatMap(([node, parts]) =>
    Object.entries(parts).map(([part, why]) => [`Out of reach: ${node}: ${part}`, `${node}: ${part}: ${why || "away"}`]));
  const none = board.nodes.length ? [] : [["The service is starting or has stopped", ""]];
  return [...none, ...deaf, ...away];
};

const showTroubles = () => {
  const lost = source.readyState !== EventSource.OPEN || Date.now() / 1000 - pushed > SILENT_S;
  const found = board || lost ? troubles(lost) : [];
  const [link, section] = [byId("link"), byId("trouble")];
  link.className = found.length ? "lost" : "";
  const away = found.map(([what]) => what);
  setText(link, lost ? "Connection lost: what you see is old" : away.length ? away.join("; ") : board ? "Live" : "Connecting…");
  const alerts = board ? board.totals.alerts : 0;
  document.title = `${found.length ? "(!) " : ""}${alerts ? `(${alerts}) ` : ""}CallGuard`;
  section.hidden = !found.length;
  setText(section.querySelector("span"), found.length ? found[0][0] : "");
  const more = found.flatMap(([what, why], index) => [why || (index ? what : "")]).filter(Boolean);
  if (more.join("\n") !== showTroubles.said) section.querySelector("ul").replaceChildren(...more.map((text) => make("li", "", text)));
  showTroubles.said = more.join("\n");
  byId("quiet").hidden = !board || alerts > 0 || found.length > 0;
  showHearing();
};

const showHearing = () => {
  const { heard, calls, text } = board ? board.hearing : { heard: 0, calls: 0, text: "" };
  byId("hearing").hidden = !text;
  byId("hearing").className = heard < calls ? "lost" : "";
  setText(byId("hearing"), text);
};

let source = null;
let again = 0;
const connect = () => {
  again = Date.now() / 1000 + 5 + 5 * Math.random(); // so that screens that were refused do not come back all at once
  source = new EventSource("/api/events");
  source.addEventListener("board", ({ data }) => {
    board = JSON.parse(data);
    pushed = Date.now() / 1000;
    skew = pushed - board.now;
    draw();
    announce();
    showTroubles();
  });
  source.addEventListener("alive", () => { pushed = Date.now() / 1000; showTroubles(); });
  source.addEventListener("error", showTroubles);
};
connect();
setInterval(() => {
  if (source.readyState === EventSource.CLOSED && Date.now() / 1000 > again) connect(); // refused; what is lost comes back itself
  showTroubles();
  for (const { root, elapsed, call } of cards.values()) if (root.isConnected) setText(elapsed, duration(now() - call.started_at));
}, 1000);

// --- commands ---

const ask = (path, options = {}) =>
  fetch(path, { ...options, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" } });

const command = async (body) => {
  say(`${body.action}…`);
  try {
    const response = await ask("/api/commands", { method: "POST", body: JSON.stringify({ supervisor: who, ...body }) });
    const answer = await response.json();
    say(response.ok ? `${body.action}: done` : `${body.action}: ${[answer.reason, answer.missing].filter(Boolean).join(": ")}`);
    if (response.status === 401) signOut();
  } catch {
    say(`${body.action}: the console can't be reached`);
  }
};

const act = async (action, call) => {
  if (!token || (action === "stop" && !call.supervisors.length)) return;
  if (action === "takeover" && !(await sure())) return;
  const inside = call.supervisors.find((each) => each.supervisor === who && each.state !== "ringing");
  if (action === "stop") await command({ action, call: call.call, supervisor: inside ? who : null });
  else if (inside) await command({ action: "set_mode", call: call.call, args: { mode: action } });
  else await command({ action, call: call.call });
};

const take = (alert) => command({ action: "ack", call: alert.call, args: { alert: alert.alert } });

const sure = () => new Promise((resolve) => {
  const dialog = byId("sure");
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  dialog.showModal();
});

const signOut = () => {
  token = "";
  sessionStorage.removeItem("token");
  showSession();
};

const showSession = () => {
  setText(byId("sign-in"), token ? `Sign out ${who}` : "Supervise");
  draw();
};

const openSignIn = () => {
  if (token) return signOut();
  byId("who").value = who;
  setText(byId("sign-in-error"), "");
  return byId("sign-in-form").showModal();
};

const signIn = async (event) => {
  event.preventDefault();
  token = byId("token").value;
  who = byId("who").value.trim();
  const response = await ask("/api/session").catch(() => null);
  const answer = response ? await response.json() : { reason: "the console can't be reached" };
  if (!response || !response.ok) {
    token = "";
    return setText(byId("sign-in-error"), answer.reason);
  }
  if (!answer.supervisors.includes(who)) {
    token = "";
    return setText(byId("sign-in-error"), `No supervisor ${who}. Known: ${answer.supervisors.join(", ") || "none"}`);
  }
  byId("names").replaceChildren(...answer.supervisors.map((name) => Object.assign(make("option"), { value: name })));
  sessionStorage.setItem("token", token);
  localStorage.setItem("who", who);
  byId("token").value = "";
  byId("sign-in-form").close();
  return showSession();
};

// --- keyboard and tools ---

const current = () => {
  const element = document.activeElement && document.activeElement.closest(".call");
  return element ? cards.get(element.dataset.call) : undefined;
};

const move = (step) => {
  const order = [...byId("calls").children];
  const card = current();
  const index = card ? order.indexOf(card.root) + step : step > 0 ? 0 : order.length - 1;
  const next = order[Math.min(order.length - 1, Math.max(0, index))];
  if (next) next.focus();
};

const toggleSound = () => {
  sound = !sound;
  localStorage.setItem("sound", sound ? "on" : "off");
  byId("sound").setAttribute("aria-pressed", String(sound));
};

const toggleFull = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());

const onCall = (work) => () => { const card = current(); if (card) work(card); };
const KEYS = {
  j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  l: onCall((card) => act("listen", card.call)), w: onCall((card) => act("whisper", card.call)),
  b: onCall((card) => act("barge", card.call)), t: onCall((card) => act("takeover", card.call)),
  s: onCall((card) => act("stop", card.call)),
  a: onCall((card) => { const alert = card.call.alerts.find((each) => each.state !== "acknowledged"); if (token && alert) take(alert); }),
  m: toggleSound, f: toggleFull, "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (key === "Enter" && target.classList.contains("call")) return cards.get(target.dataset.call).toggleEvidence();
  if (!(key in KEYS)) return;
  event.preventDefault();
  KEYS[key]();
});

byId("sound").addEventListener("click", toggleSound);
byId("full").addEventListener("click", toggleFull);
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("sign-in").addEventListener("click", openSignIn);
byId("sign-in-cancel").addEventListener("click", () => byId("sign-in-form").close());
byId("sign-in-form").querySelector("form").addEventListener("submit", signIn);
byId("sound").setAttribute("aria-pressed", String(sound));
showSession();

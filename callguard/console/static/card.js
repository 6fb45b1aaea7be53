// One call as a card. Elements are made once and then kept, so that focus and open evidence survive every update.
// All text goes through textContent: whatever a queue or an agent is called stays text.

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  warning: "M12 2.5 22.5 21h-21z",
  critical: "M8 2h8l6 6v8l-6 6H8l-6-6V8z",
};
const DOING = { listen: "listens", whisper: "whispers to the agent", barge: "talks with both", takeover: "took over" };
const STATES = {
  ringing: "is rung",
  waiting: "waits: the agent consults, or transfers",
  cutting: "is being cut off: may still hear and be heard",
};
const HOLD = "waits: the customer has put the call on hold";
const ACTIONS = [["listen", "Listen"], ["whisper", "Whisper"], ["barge", "Barge"], ["takeover", "Take over"]];

export const make = (tag, className = "", text = "") => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
};

export const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const draw = (className, box) => {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", className);
  picture.setAttribute("viewBox", box);
  picture.setAttribute("aria-hidden", "true");
  picture.append(document.createElementNS(SVG, "path"));
  return picture;
};

export const duration = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};

const kind = (severity) => (severity in SHAPES ? severity : "warning");
const title = (call) => [call.queue, call.agent].filter(Boolean).join(" · ") || call.call;

const drawCurve = (points) => {
  const picture = draw("curve", `0 0 ${points - 1} 20`);
  picture.setAttribute("preserveAspectRatio", "none");
  return picture;
};

const curvePath = (values) => {
  let pen = "M";
  return values.map((value, index) => {
    if (value === null) { pen = "M"; return ""; }
    const point = `${pen}${index} ${(19 - 18 * Math.min(1, Math.max(0, value))).toFixed(1)}`;
    pen = "L";
    return point;
  }).join(" ");
};

const round = (value) => (Number.isFinite(value) ? Number(value.toFixed(2)) : value);

const evidenceLines = (evidence) => {
  const shown = (evidence.comparisons || []).map((each) =>
    `${each.text}: ${each.value === null ? "not judged" : `${round(each.value)} against ${round(each.threshold)}`}`);
  if (!shown.length && evidence.expr) shown.push(evidence.expr);
  const calm = evidence.baseline && evidence.baseline.level_dbfs;
  if (Number.isFinite(calm)) shown.push(`Calm level of the speaker: ${calm.toFixed(1)} dBFS`);
  if (Number.isFinite(evidence.confidence)) shown.push(`Confidence: ${Math.round(evidence.confidence * 100)} %`);
  return shown;
};

// How the customer sounded before the alert.
const evidenceCurve = ({ curve }) => {
  const values = (curve && curve.signals && curve.signals["customer.raised_voice"]) || [];
  if (values.filter(Number.isFinite).length < 2) return [];
  const picture = drawCurve(values.length);
  picture.firstChild.setAttribute("d", curvePath(values));
  return [make("p", "", `Raised voice in the ${Math.round((values.length - 1) * curve.step_s)} s before:`), picture];
};

const stateOf = (alert) => [
  { pending: "pending", fired: "open", escalated: "open, next tier rung", acknowledged: `taken by ${alert.by}` }[alert.state] || alert.state,
  alert.shadow ? "on trial" : "", alert.silenced_by ? "silenced" : "", alert.nobody_free || (alert.merged ? "merged" : ""),
].filter(Boolean).join(", ");

class AlertItem {
  constructor(onTake) {
    this.root = make("li");
    this.details = make("details", "alert");
    const summary = make("summary");
    this.shape = draw("shape", "0 0 24 24");
    this.name = make("span", "name");
    this.state = make("span");
    summary.append(this.shape, this.name, " ", this.state);
    this.evidence = make("div", "evidence");
    this.take = make("button", "take", "Take");
    this.take.type = "button";
    this.take.addEventListener("click", () => onTake(this.alert));
    this.details.append(summary, this.evidence);
    this.root.append(this.details, this.take);
  }

  update(alert, now, allowed) {
    const changed = JSON.stringify(alert.evidence) !== JSON.stringify(this.alert && this.alert.evidence);
    this.alert = alert;
    this.details.className = `alert ${kind(alert.severity)}`;
    this.shape.firstChild.setAttribute("d", SHAPES[kind(alert.severity)]);
    setText(this.name, `${alert.severity}: ${alert.summary}`);
    setText(this.state, `${stateOf(alert)}, ${duration(now - alert.since)}`);
    if (changed) this.showEvidence(alert);
    this.take.hidden = !allowed || !["fired", "escalated"].includes(alert.state) || alert.shadow;
  }

  showEvidence(alert) {
    const lines = [...evidenceLines(alert.evidence).map((line) => make("p", "", line)), ...evidenceCurve(alert.evidence)];
    if (/^https?:\/\//.test(alert.runbook || "")) {
      const link = make("a", "", "What to do");
      Object.assign(link, { href: alert.runbook, target: "_blank", rel: "noopener noreferrer" });
      lines.push(link);
    }
    this.evidence.replaceChildren(...lines);
  }
}

export class Card {
  constructor(on) {
    this.on = on;
    this.alerts = new Map();
    this.root = make("li", "call");
    this.root.tabIndex = 0;
    const row = make("div", "row");
    this.title = make("h3");
    this.elapsed = make("span", "elapsed");
    row.append(this.title, this.elapsed);
    this.chips = make("ul", "chips");
    const voice = make("div", "voice");
    this.curve = drawCurve(60);
    this.voice = make("span");
    voice.append(this.curve, this.voice);
    this.handoff = make("details", "handoff");
    this.handoff.append(make("summary", "", "Handoff"));
    this.told = make("div", "told");
    this.handoff.append(this.told);
    this.list = make("ol", "alerts");
    this.root.append(row, this.chips, voice, this.list, this.buttons());
  }

  buttons() {
    this.acts = make("div", "acts");
    this.acts.setAttribute("role", "group");
    for (const [action, text] of [...ACTIONS, ["stop", "Release"]]) {
      const button = make("button", "", text);
      button.type = "button";
      button.dataset.action = action;
      button.addEventListener("click", () => this.on.act(action, this.call));
      this.acts.append(button);
    }
    return this.acts;
  }

  update(call, now, allowed) {
    this.call = call;
    const first = call.alerts.find((alert) => !alert.shadow && alert.state !== "pending");
    this.root.className = `call ${first ? kind(first.severity) : ""}`.trim();
    this.root.dataset.call = call.call;
    setText(this.title, title(call));
    this.acts.setAttribute("aria-label", `Supervise ${title(call)}`);
    setText(this.elapsed, duration(now - call.started_at));
    this.showChips(call);
    this.showHandoff(call.handoff);
    this.showVoice(call);
    this.showAlerts(call.alerts, now, allowed);
    this.acts.hidden = !allowed;
    this.acts.querySelector("[data-action=stop]").hidden = !call.supervisors.length;
  }

  showChips(call) {
    const why = { customer: call.unheard ? `: ${call.unheard.why}` : "" };
    const deaf = Object.entries({ ...(call.unheard ? { customer: "lost" } : {}), ...call.taps })
      .filter(([leg, state]) => state === "lost" || why[leg]).map(([leg]) => `${leg} not heard${why[leg] || ""}`);
    const people = call.supervisors.map((each) => `${each.supervisor} ${each.why === "hold" ? HOLD : STATES[each.state] || DOING[each.mode]}`);
    const wrong = [...deaf, ...people.filter((_, n) => call.supervisors[n].state === "cutting")];
    const texts = [...people, call.on_hold ? "on hold" : "", ...deaf].filter(Boolean);
    if (texts.join("\n") === this.chipTexts) return;
    this.chipTexts = texts.join("\n");
    this.chips.replaceChildren(...texts.map((text) => make("li", wrong.includes(text) ? "lost" : "", text)));
    this.chips.hidden = !texts.length;
  }

  // What whoever joins must know.
  showHandoff(lines) {
    if (lines.join("\n") === this.handoffText) return;
    this.handoffText = lines.join("\n");
    if (lines.length) this.chips.after(this.handoff);
    else this.handoff.remove();
    this.told.replaceChildren(...lines.map((line) => make("p", "", line)));
  }

  showVoice({ signals, mode, unheard, unknown }) {
    const curve = signals ? signals.curve : [];
    this.curve.firstChild.setAttribute("d", curvePath([...Array(60 - curve.length).fill(null), ...curve]));
    if (unknown) return setText(this.voice, `unknown, not judged: ${unknown}`);
    if (mode === "off") return setText(this.voice, "not judged: switched off");
    if (unheard && unheard.cause !== "unjudged") return setText(this.voice, "not heard");
    if (!signals) return setText(this.voice, "no signals yet");
    if (signals.unjudged || signals.raised_voice === null) {
      return setText(this.voice, `not judged${signals.unjudged ? `: ${signals.unjudged}` : ""}`);
    }
    const rise = signals.level_rise_db;
    const level = rise === null ? "" : `, ${Math.abs(rise).toFixed(1)} dB ${rise < 0 ? "below" : "above"} own calm`;
    return setText(this.voice, `Raised voice ${Math.round(signals.raised_voice * 100)} %${level}`);
  }

  showAlerts(alerts, now, allowed) {
    const keep = new Set(alerts.map((alert) => alert.alert));
    for (const [key, item] of this.alerts) if (!keep.has(key)) { item.root.remove(); this.alerts.delete(key); }
    alerts.forEach((alert, index) => {
      if (!this.alerts.has(alert.alert)) this.alerts.set(alert.alert, new AlertItem(this.on.take));
      const item = this.alerts.get(alert.alert);
      item.update(alert, now, allowed);
      if (this.list.children[index] !== item.root) this.list.insertBefore(item.root, this.list.children[index] || null);
    });
    this.list.hidden = !alerts.length;
  }

  toggleEvidence() {
    for (const { details } of this.alerts.values()) details.open = !details.open;
  }
}

/** @file The engine on a server: one WebSocket for what is drawn just now, fetch for all else. */

import { EngineError } from "./engine.js";

/** A server that does not answer for so long is taken as lost, milliseconds. */
const PATIENCE = 6000;
const FIRST_WAIT = 400, LONGEST_WAIT = 8000;
const AWAY = "The server does not answer. See whether it is running and you are online, then try again.";

/** @param {any} config */
export async function openEngine(config) {
  /** @type {Map<string, any[]>} */
  const labels = new Map([[config.model.id, config.labels]]);
  return {
    live: (callback) => new Live(callback),
    async predict(list, { top = 5, look = false, model } = {}) {
      const drawings = list.map((strokes) => ({ strokes }));
      return (await post("v1/predict", { drawings, top, look, ...(model && { model }) })).predictions;
    },
    async teach({ words, keepKnown, key }) {
      const lessons = words.map(({ word, drawings, images = [] }) => ({
        word, drawings, ...(images.length && { images }),
      }));
      return post("v1/teach", { words: lessons, keep_known: keepKnown }, key);
    },
    async modelFile(id) {
      return (await ask(`v1/models/${encodeURIComponent(id)}/model.onnx`)).blob();
    },
    async bundleFile(id) {
      return (await ask(`v1/models/${encodeURIComponent(id)}/bundle.zip`)).blob();
    },
    async labels(id) {
      if (!labels.has(id)) {
        const answer = await ask(`v1/labels?model=${encodeURIComponent(id)}`);
        labels.set(id, (await answer.json()).labels);
      }
      return labels.get(id);
    },
    async keep(word, strokes, key) {
      await post("v1/drawings", { word, strokes, keep: true }, key);
    },
  };
}

function post(path, body, key) {
  const headers = { "content-type": "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) }).then((a) => a.json());
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new EngineError("offline", AWAY);
  }
  if (answer.ok) return answer;
  let told = null;
  try {
    told = (await answer.json()).error;
  } catch { /* not in our words */ }
  throw new EngineError(told?.code ?? "failed",
    told?.message ?? `The server answers ${answer.status}. Try again in a moment.`);
}

/** The drawing of one sheet, told to the server as it grows; told anew when the line was lost. */
class Live {
  #callback;
  /** @type {[number[], number[]][]} */
  #strokes = [];
  #open = false;
  #model = null;
  /** @type {WebSocket | null} */
  #socket = null;
  #seq = 0;
  #closed = false;
  #online = null;
  #wait = FIRST_WAIT;
  #retry = 0;
  #watch = 0;

  constructor(callback) {
    this.#callback = callback;
    this.wake = () => { if (this.#retry) this.#connect(); };
    addEventListener("online", this.wake);
    this.#connect();
  }

  points(xs, ys) {
    if (!this.#open) this.#strokes.push([[], []]);
    this.#open = true;
    const stroke = this.#strokes[this.#strokes.length - 1];
    stroke[0].push(...xs);
    stroke[1].push(...ys);
    this.#send({ type: "points", x: xs, y: ys });
  }

  end() {
    this.#open = false;
    this.#send({ type: "end" });
  }

  set(strokes) {
    this.#strokes = strokes.map(([xs, ys]) => [xs.slice(), ys.slice()]);
    this.#open = false;
    this.#send(strokes.length ? { type: "set", strokes: this.#strokes } : { type: "clear" });
  }

  undo() {
    this.#strokes.pop();
    this.#open = false;
    this.#send({ type: "undo" });
  }

  clear() {
    this.#strokes = [];
    this.#open = false;
    this.#send({ type: "clear" });
  }

  use(model) {
    if (model === this.#model) return;
    this.#model = model;
    // A connection has one model from its start on; one that is about to start takes this one.
    if (this.#socket?.readyState !== WebSocket.CONNECTING) this.#connect();
  }

  close() {
    this.#closed = true;
    removeEventListener("online", this.wake);
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#socket?.close();
  }

  #connect() {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#retry = 0;
    const old = this.#socket;
    const url = new URL("v1/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.#socket = socket;
    old?.close();
    socket.onopen = () => {
      this.#wait = FIRST_WAIT;
      socket.send(JSON.stringify({ type: "start", top: 5, ...(this.#model && { model: this.#model }) }));
      if (this.#online !== true) this.#callback({ type: "online" });
      this.#online = true;
      // What is finished, and then the stroke that the pen may be in the middle of.
      const finished = this.#open ? this.#strokes.slice(0, -1) : this.#strokes;
      if (finished.length) this.#send({ type: "set", strokes: finished });
      if (!this.#open) return;
      const [x, y] = this.#strokes[this.#strokes.length - 1];
      this.#send({ type: "points", x, y });
    };
    socket.onmessage = (event) => { if (socket === this.#socket) this.#heard(JSON.parse(event.data)); };
    socket.onclose = () => { if (socket === this.#socket) this.#lost(); };
  }

  #lost() {
    clearTimeout(this.#watch);
    if (this.#closed) return;
    if (this.#online !== false) this.#callback({ type: "offline" });
    this.#online = false;
    // Not all at once, when a server comes back to many.
    this.#retry = setTimeout(() => this.#connect(), this.#wait * (0.75 + 0.5 * Math.random()));
    this.#wait = Math.min(this.#wait * 1.7, LONGEST_WAIT);
  }

  #send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#seq += 1;
    this.#socket.send(JSON.stringify({ ...message, seq: this.#seq }));
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#connect(), PATIENCE);
  }

  #heard(message) {
    if (message.seq === this.#seq) clearTimeout(this.#watch);
    if (message.type === "guess" || message.type === "error") this.#callback(message);
    // A start empties the drawing for a moment; the sheet is empty only if nothing was drawn.
    else if (message.type === "empty" && !this.#strokes.length) this.#callback({ type: "empty" });
  }
}

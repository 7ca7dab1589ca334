// The service's page: a recording is sent, watched while it is analysed, and shown; it goes on after a reload.
import { start as startLive, stop as stopLive } from "./live.js";
import { showExperiment } from "./experiment.js";
import { explain, offer as offerService } from "./explain.js";

const $ = (id) => document.getElementById(id);
export const texts = await (await fetch("page/text.json")).json();
export const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const made = (tag, text, parent, name = "") => {
  const node = document.createElement(tag);
  node.textContent = text;
  if (name) node.className = name;
  parent.append(node);
  return node;
};
export const clock = (seconds) => {
  const s = Math.floor(seconds);
  const rest = String(s % 60).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
};
for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);

let model = { most: Infinity, formats: ["html", "json"], words: false };
let generation = 0; // of recordings
let current = null; // what is being sent or analysed: {name, id, abort, source}

// Where it is.
function note(line) { $("note").textContent = line; }
function busy(on) {
  $("work").hidden = !on;
  document.body.classList.toggle("busy", on);
}
const REMEDIES = { 401: "access", 403: "access", 413: "large", 429: "later", 500: "own", 503: "later", 507: "own", gone: "gone" };
let sent = null; // the file that was sent last: it can be sent again
function fail(line, reason) {
  busy(false);
  const remedy = REMEDIES[reason];
  $("wrong").hidden = false;
  $("why").textContent = line;
  $("remedy").textContent = say(remedy ? `remedy_${remedy}` : "remedy");
  $("again").hidden = !sent || !["later", "own", "gone"].includes(remedy);
}
function clear() {
  for (const link of $("files").querySelectorAll("a")) URL.revokeObjectURL(link.href);
  $("files").replaceChildren();
  $("found").replaceChildren();
  $("wrong").hidden = true;
  $("time").textContent = "";
  $("share").removeAttribute("value");
  $("shown")?.remove();
  document.body.classList.remove("shown");
}

// One recording from its arrival to its result.
function give_up() {
  current?.abort.abort();
  current?.source?.close();
  if (current?.id) fetch(`v1/jobs/${current.id}`, { method: "DELETE" }).catch(() => {});
  sessionStorage.removeItem("job");
  current = null;
}
async function analyze(file, remarks = [], recorded = false) {
  if (current) remarks = [say("given_up", { old: current.name, new: file.name }), ...remarks];
  give_up();
  generation++;
  note(remarks.join(" "));
  clear();
  if (recorded) offer(say("the_recording"), file.name, file); // there is no other copy of it
  sent = file;
  if (file.size > model.most * 1e6) return fail(say("too_large", { file: file.name, most: model.most }), 413);
  const mine = current = { name: file.name, id: "", abort: new AbortController(), source: null };
  busy(true);
  $("status").textContent = say("uploading", { file: file.name });
  try {
    const body = new FormData();
    body.append("file", file);
    const query = new URLSearchParams({ format: model.formats.join(), text: $("text").checked });
    if ($("who").value) query.set("speakers", $("who").value);
    const response = await fetch(`v1/jobs?${query}`, { method: "POST", body, signal: mine.abort.signal });
    const job = await response.json();
    if (mine !== current) return;
    if (!response.ok) {
      current = null;
      return fail(job.error, response.status);
    }
    mine.id = job.id;
    sessionStorage.setItem("job", JSON.stringify({ id: job.id, name: job.name }));
    watch(mine);
  } catch (problem) {
    if (mine !== current) return;
    current = null;
    fail(say("gone", { problem: problem.message }), "gone");
  }
}
function watch(job) {
  busy(true);
  const source = job.source = new EventSource(`v1/jobs/${job.id}/events`);
  const mine = (call) => (event) => { if (job === current) call(JSON.parse(event.data)); };
  let known = 0;
  source.addEventListener("open", () => { known = 0; $("found").replaceChildren(); });
  source.addEventListener("state", mine((state) => {
    $("status").textContent = state.state === "queued" ? say("queued", { file: job.name, place: state.place || 1 }) : say("running", { file: job.name });
    const all = state.seconds;
    $("time").textContent = all ? say("done_of", { done: clock(state.seconds_done), all: clock(all) })
      : state.seconds_done ? say("done", { done: clock(state.seconds_done) }) : "";
    if (all) $("share").value = Math.min(1, state.seconds_done / all);
  }));
  source.addEventListener("segment", mine((segment) => {
    const line = made("li", "", $("found"));
    made("span", clock(segment.start), line, "when");
    made("span", segment.emotion, line, "felt").style.setProperty("--own", `var(--${segment.emotion}, transparent)`);
    made("span", segment.text, line).dir = "auto";
    if (++known % 5 === 0) line.scrollIntoView({ block: "nearest" });
  }));
  source.addEventListener("end", mine((state) => {
    source.close();
    finished(job, state);
  }));
  source.addEventListener("error", () => {
    if (job !== current) return;
    if (source.readyState === EventSource.CLOSED) fail(say("gone", { problem: "events" }), "gone");
    else $("status").textContent = say("reconnecting", { file: job.name }); // it does so by itself
  });
}
async function finished(job, state) {
  current = null; // it is done: what comes next has no reason to stop it
  const mine = generation;
  if (state.state !== "done") {
    sessionStorage.removeItem("job");
    return fail(state.error || say("stopped", { file: job.name }));
  }
  const stem = job.name.replace(/\.[^.]*$/, "") || job.name;
  const order = [...FIRST.filter((name) => state.formats.includes(name)), ...state.formats.filter((name) => !FIRST.includes(name))];
  for (const format of order) {
    const response = await fetch(`v1/jobs/${job.id}/result?format=${format}`);
    const content = response.ok ? await response.text() : (await response.json()).error;
    if (mine !== generation) return; // another recording has come
    if (!response.ok) return fail(content, response.status);
    offer(described(format), `${stem}.${format}`, content, !FIRST.includes(format));
    if (format === "html") show(content);
  }
}
const FIRST = ["html", "csv", "srt"]; // formats that most people want; the others are folded away
const described = (name) => (texts[`format_${name}`] ? say("format", { what: say(`format_${name}`), name: name.toUpperCase() }) : name);
function offer(text, name, content, further = false) {
  if (!$("files").hasChildNodes()) {
    made("span", `${say("save")} `, $("files"));
    const more = made("details", "", $("files"));
    more.hidden = true;
    made("summary", say("formats_more"), more);
  }
  const more = $("files").querySelector("details");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content]));
  link.download = link.title = name;
  link.textContent = text;
  if (further) more.append(link, " ");
  else more.before(link, " ");
  if (further) more.hidden = false;
}
function show(content) {
  busy(false);
  $("shown")?.remove();
  const frame = document.createElement("iframe");
  Object.assign(frame, { id: "shown", title: say("result_title"), sandbox: "allow-scripts allow-downloads", srcdoc: content });
  offerService(frame);
  $("analyse").after(frame);
  document.body.classList.add("shown");
}

// What is dropped or chosen.
function dropped({ items }) {
  const files = [...items].filter((item) => item.kind === "file");
  const entries = files.map((item) => item.webkitGetAsEntry());
  return {
    files: files.filter((_, i) => !entries[i]?.isDirectory).map((item) => item.getAsFile()),
    folders: entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name),
  };
}
function take({ files: [file, ...others], folders }) {
  select("analyse");
  const names = new Intl.ListFormat("en").format(
    others.length > 3 ? [others[0].name, say("more", { count: others.length - 1 })] : others.map((other) => other.name));
  const remarks = folders.map((name) => say("folder", { name }));
  if (others.length) remarks.push(say("one_at_a_time", { first: file.name, others: names }));
  if (file) analyze(file, remarks);
  else note(remarks.join(" ") || say("no_file"));
}

// Recording.
let asking = false; // the browser asks whether the microphone may be used
let recorder = null; // while it is on
export const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
// What a call wants, even loudness and no noise, is what a voice's emotion is heard by.
const hush = (stream) => { for (const track of stream.getTracks()) track.stop(); };
async function record() {
  let stream;
  asking = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    recorder = recording(stream);
  } catch (problem) {
    if (stream) hush(stream);
    note(say("no_microphone", { problem: problem.message }));
  } finally {
    asking = false;
  }
}
function recording(stream) {
  const made = new MediaRecorder(stream);
  const parts = [];
  const start = Date.now();
  const tick = () => { $("record").textContent = say("stop_recording", { time: clock((Date.now() - start) / 1000) }); };
  made.ondataavailable = (event) => parts.push(event.data);
  made.start();
  const timer = setInterval(tick, 200);
  made.onerror = () => { if (made.state === "recording") made.stop(); };
  // An error and an unplugged microphone end here too.
  made.onstop = () => {
    clearInterval(timer);
    hush(stream);
    recorder = null;
    $("record").textContent = say("record");
    $("record").classList.remove("on");
    const ending = /\/(\w+)/.exec(made.mimeType)?.[1] || "webm";
    analyze(new File(parts, `recording.${ending}`, { type: made.mimeType }), [], true);
  };
  $("record").classList.add("on");
  tick();
  return made;
}

// Tabs, by arrow keys too.
const tabs = [...document.querySelectorAll("[role=tab]")];
function select(id) {
  for (const tab of tabs) {
    const on = tab.getAttribute("aria-controls") === id;
    tab.ariaSelected = on;
    tab.tabIndex = on ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !on;
  }
  if ($("shown")) $("shown").hidden = id !== "analyse";
  if (id !== "live") stopLive();
  if (id === "experiment") showExperiment($("experiment"), say, made);
}
tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => select(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs.at(to % tabs.length);
    next.focus();
    select(next.getAttribute("aria-controls"));
  });
});

function card() {
  const box = $("model");
  made("h1", say("card_facts"), box);
  const list = made("dl", "", box);
  const fact = (key, value) => {
    if (!value && value !== 0) return;
    made("dt", say(`card_${key}`), list);
    made("dd", String(value), list);
  };
  fact("name", model.model);
  fact("licence", model.licence);
  fact("labels", (model.labels || []).join(", "));
  fact("trained_on", model.trained_on);
  fact("languages", (model.languages || []).join(", "));
  fact("words", say(model.words ? "words_on" : "words_off"));
  fact("adapts", say(model.adapts ? "yes" : "no"));
  fact("unsure", model.unsure_below);
  for (const line of model.facts || []) made("p", line, box, "quiet");
  made("h2", say("limits"), box);
  made("p", say("limits_text"), box);
}

async function meet() {
  model = await (await fetch("v1/model")).json();
  $("text").checked = model.words;
  $("text").parentElement.hidden = !model.words;
  for (const way of ["", "auto", "one", "channels", "none"]) {
    made("option", say(way ? `who_${way}` : "who_default"), $("who")).value = way;
  }
  $("privacy").textContent = say("privacy", { minutes: Math.round((model.keep || 3600) / 60) });
  const limits = made("a", say("limits"), $("privacy"));
  limits.href = "#model";
  limits.addEventListener("click", () => select("model"));
  limits.before(" ");
  $("samples").append(`${say("samples")} `);
  for (const name of ["calm", "angry", "conversation"]) {
    made("button", say(`sample_${name}`), $("samples")).addEventListener("click", async () => {
      const sound = await (await fetch(`page/${name}.mp3`)).blob();
      analyze(new File([sound], `${name}.mp3`, { type: "audio/mpeg" }));
    });
  }
  card();
  document.body.dataset.ready = "yes";
  const left = JSON.parse(sessionStorage.getItem("job") || "null");
  if (left && !current) { // the page was loaded again meanwhile
    const known = await fetch(`v1/jobs/${left.id}`);
    if (generation) return; // somebody was faster
    if (known.ok) watch(current = { ...left, abort: new AbortController(), source: null });
    else sessionStorage.removeItem("job");
  }
}

$("stop").addEventListener("click", () => {
  const name = current?.name;
  give_up();
  clear();
  busy(false);
  if (name) note(say("stopped", { file: name }));
});
$("record").hidden = !(navigator.mediaDevices && window.MediaRecorder);
$("record").addEventListener("click", (event) => {
  if (asking || event.detail > 1) return; // the second click of a double one says nothing new
  if (!recorder) record();
  else if (recorder.state === "recording") recorder.stop();
});
window.addEventListener("beforeunload", (event) => {
  if (recorder) event.preventDefault();
});
window.addEventListener("pagehide", () => {
  if (recorder) hush(recorder.stream);
});
$("choose").addEventListener("change", () => {
  const [file] = $("choose").files;
  $("choose").value = "";
  if (file) analyze(file);
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") take(dropped(event.dataTransfer));
  });
}
window.addEventListener("message", ({ source, data }) => { // from what was found
  if (source !== $("shown")?.contentWindow) return;
  if (data.height > 0) $("shown").style.setProperty("--tall", `${data.height}px`);
  if (data.explain) explain(data.explain, $("shown"), (problem) => say("gone", { problem: problem.message }));
  if (!data.files) return;
  // Its path is open to the frame alone, its content to whoever has the object: what is sent must be the content.
  take({ ...data, files: data.files.map((file) => new File([file], file.name, { type: file.type })) });
});
$("hear").addEventListener("click", () => startLive({ $, say, made, plain, labels: model.labels || [] }));
$("again").addEventListener("click", () => { if (sent) analyze(sent); });
$("brand").addEventListener("click", () => sessionStorage.removeItem("job")); // it begins anew
meet().catch((problem) => fail(say("silent", { problem: problem.message }), "gone"));

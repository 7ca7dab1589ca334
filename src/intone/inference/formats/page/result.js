// One sentence about a set of sentences: the emotions that last longest, and the surest moments of others.
function lasting(own) {
  const times = new Map();
  for (const { start, end, emotion } of own) times.set(emotion, (times.get(emotion) || 0) + end - start);
  const sum = [...times.values()].reduce((a, b) => a + b, 0) || 1;
  return [...times].map(([emotion, time]) => [emotion, time / sum]).sort((a, b) => b[1] - a[1]);
}
function described(own, most = 2) { // `most` moments of other emotions
  const sure = own.filter((segment) => segment.emotion !== "unsure");
  if (!sure.length) return say("nothing_sure");
  const [first, second, third] = lasting(sure);
  const main = [first[0], "neutral"];
  let text = say("mostly", { emotion: first[0] });
  if (first[1] < 0.5 && second) {
    main.push(second[0]);
    text = upper(first[1] + second[1] >= 0.7 || !third ? say("two", { first: first[0], second: second[0] })
      : say("mixed", { list: listed([first[0], second[0], third[0]]) }));
    if (third && first[1] + second[1] < 0.7) return text;
  }
  const moments = sure.filter((segment) => !main.includes(segment.emotion) && segment.confidence >= 0.5)
    .sort((a, b) => b.confidence - a.confidence).slice(0, most).sort((a, b) => a.start - b.start)
    .map((segment) => say("moment", { emotion: segment.emotion, time: clock(segment.start) }));
  return [text, ...moments].join(", ");
}
function summary() {
  if (!segments.length) return say("silent");
  if (speakers.length < 2) return described(segments);
  const told = speakers.slice(0, 4).map((speaker) => say("by_speaker", {
    speaker: named(speaker), what: lower(described(segments.filter((s) => s.speaker === speaker), speakers.length === 2 ? 1 : 0)) }));
  return [...told, ...(speakers.length > 4 ? [say("more_speakers", { count: speakers.length - 4 })] : [])].join("; ");
}

function head() {
  document.title = say("title", { file: data.file });
  $("file").textContent = data.file;
  $("summary").textContent = `${summary()}.`;
  $("facts").textContent = [clock(data.duration), segments.length === 1 ? say("segment")
    : segments.length ? say("segments", { count: segments.length }) : say("no_speech"),
  data.language && language(data.language), data.model].filter(Boolean).join(" · ");
  for (const [id, key] of [["farther", "farther"], ["closer", "closer"]]) $(id).ariaLabel = $(id).title = say(key);
  for (const [id, key] of [["whole", "whole"], ["speed-label", "speed"], ["head-time", "time"], ["head-who", "speaker"],
    ["head-emotion", "emotion"], ["head-words", "words"], ["sentences-title", "sentences"], ["speakers-title", "speakers"],
    ["notes-title", "notes"], ["limits", "limits"]]) $(id).textContent = say(key);
  if (!data.language && !segments.some((segment) => segment.text)) $("head-words").textContent = "";
  made("b", `${say("keys")}: `, $("keys"));
  $("keys").append(say("keys_list"));
}

function notes() {
  $("notes").hidden = !(data.warnings || []).length;
  for (const line of data.warnings || []) made("p", line, $("warnings"), "warning");
  if (!account.length) return;
  const lost = gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
  $("account").textContent = [say("heard", { heard: clock(account.heard, true), length: clock(account.length, true) }),
    say("speech", { time: clock(account.speech, true) }),
    account.speech_without_words && say("without_words", { time: clock(account.speech_without_words, true) }),
    gaps.length && `${say("left_out", { time: clock(lost, true) })}:`].filter(Boolean).join(" · ");
  if (!gaps.length) return;
  const list = document.createElement("ul");
  for (const gap of gaps) made("li", `${span(gap)} (${gap.reason})`, list);
  if (gaps.length <= 8) return $("account").append(list);
  const more = document.createElement("details"); // a damaged recording may have hundreds
  made("summary", say("in_places", { count: gaps.length }), more);
  more.append(list);
  $("account").append(more);
}

function legend() {
  const entry = (name, text = name) => {
    const node = made("span", "", $("legend"));
    dot(name, node);
    node.append(text);
  };
  emotions.forEach((emotion) => entry(emotion));
  if (segments.some((segment) => segment.emotion === "unsure")) entry("unsure", say("legend_unsure"));
  if (gaps.length) entry("gap", say("legend_gap"));
}

// Sentences.
const words = [];
let chosen = -1;
const rows = segments.map((segment, i) => {
  const row = made("tr", "", $("segments"));
  const when = made("td", "", row, "number");
  const pick = made("button", span(segment), when, "pick");
  if (speakers.length) {
    const who = made("td", "", row, "who");
    if (segment.speaker) made("span", segment.speaker, who, "tag").dataset.speaker = segment.speaker;
  }
  const felt = made("td", "", row, "emotion");
  dot(segment.emotion, felt);
  felt.append(`${segment.emotion} `);
  made("span", percent(segment.confidence), felt, "confidence");
  const cell = made("td", "", row, "text");
  const text = made("span", segment.words.length ? "" : segment.text, cell, "said");
  if (emotions.includes(segment.emotion)) text.style.setProperty("--own", `var(--${segment.emotion})`);
  text.lang = segment.language || data.language || "";
  text.dir = "auto";
  for (const word of segment.words) {
    if (text.hasChildNodes()) text.append(" ");
    words.push([word, made("span", word.word.trim(), text, "word")]);
  }
  if (data.language && !segment.text) made("span", say("no_words"), cell, "quiet");
  if (segment.language && segment.language !== data.language) {
    cell.append(" ");
    made("span", language(segment.language), cell, "tag");
  }
  row.addEventListener("click", () => { choose(i); play(segment.start, segment.end); });
  pick.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !segments[i + step]) return;
    event.preventDefault();
    event.stopPropagation();
    rows[i + step][1].querySelector(".pick").focus();
    choose(i + step);
  });
  return [segment, row];
});

// A line for each label, the most probable first: what both say as a bar, what sound and words said beside it.
function probabilities(segment, parent) {
  const worded = Object.keys(segment.sentence || {}).length > 0;
  const table = made("table", "", parent, "probabilities");
  const top = made("tr", "", made("thead", "", table));
  for (const [key, columns] of [["emotion", 1], [worded ? "both" : "sound", 2], ...(worded ? [["sound", 1], ["said", 1]] : [])]) {
    Object.assign(made("th", say(key), top), { scope: "col", colSpan: columns });
  }
  const body = made("tbody", "", table);
  for (const emotion of [...emotions].sort((a, b) => segment.probabilities[b] - segment.probabilities[a])) {
    const line = made("tr", "", body);
    made("td", emotion, line);
    const fill = made("span", "", made("span", "", made("td", "", line, "wide"), "bar"), "fill");
    fill.style.cssText = `width:${100 * segment.probabilities[emotion]}%;background:var(--${emotion})`;
    made("td", percent(segment.probabilities[emotion]), line, "share");
    if (!worded) continue;
    made("td", percent(segment.audio[emotion]), line, "share quiet");
    made("td", percent(segment.sentence[emotion]), line, "share quiet");
  }
  if (!worded) made("p", say("only_sound"), parent, "quiet");
  for (const [name, rating] of Object.entries(segment.dimensions || {})) made("p", `${name} ${rating.toFixed(2)}`, parent, "quiet");
  if (segment.adapted) made("p", say("adapted_by", { count: segment.adapted }), parent, "quiet");
}
const narrow = matchMedia("(max-width: 60rem)");
const holder = document.createElement("tr"); // on a narrow screen the details stand below their sentence
holder.className = "holder";
const held = made("td", "", holder);
held.colSpan = 4;
const beside = $("details").parentElement;
function choose(i) {
  if (chosen >= 0) rows[chosen][1].classList.remove("chosen");
  chosen = i;
  const [segment, row] = rows[i];
  row.classList.add("chosen");
  const box = $("details");
  if (narrow.matches) {
    if (box.parentElement !== held) held.append(box);
    row.after(holder);
  } else if (box.parentElement !== beside) {
    holder.remove();
    beside.append(box);
  }
  box.replaceChildren();
  made("h2", say("details", { span: span(segment) }), box);
  if (segment.text) made("p", segment.text, box).dir = "auto";
  const picture = made("canvas", "", box);
  Object.assign(picture, { id: "sentence-spectrogram", role: "img", ariaLabel: say("spectrogram_label") });
  probabilities(segment, box);
  made("h3", say("course"), box);
  const course = made("canvas", "", box);
  Object.assign(course, { id: "sentence-course", role: "img", ariaLabel: say("course") });
  paintSpectrogram(picture, segment.start, segment.end);
  paintCourse(course, i);
}

// Where nobody was heard: what that may come from.
function nobody() {
  $("sentences").hidden = true;
  made("h2", say("silent"), $("details"));
  made("p", say("silent_help"), $("details"));
}

// Speakers: a name, and no colour, says who it is: colours are for emotions.
const share = (time) => `${100 * time / length}%`;
function lanes() {
  $("head-who").hidden = $("who-speaks").hidden = !speakers.length;
  for (const speaker of speakers) {
    const own = segments.filter((segment) => segment.speaker === speaker);
    const [[most, part]] = lasting(own);
    const lane = made("div", "", $("speakers"), "lane");
    const name = made("input", "", lane);
    Object.assign(name, { value: speaker, ariaLabel: say("rename", { speaker }), maxLength: 60 });
    name.addEventListener("input", () => {
      names.set(speaker, name.value.trim());
      for (const tag of document.querySelectorAll("[data-speaker]")) {
        if (tag.dataset.speaker === speaker) tag.textContent = named(speaker);
      }
      $("summary").textContent = `${summary()}.`;
    });
    const time = own.reduce((sum, { start, end }) => sum + end - start, 0);
    const facts = say("speaker_facts", { count: own.length, time: clock(time), share: percent(part), emotion: most });
    made("span", `${facts}; ${say(own.some((s) => s.adapted) ? "adapted" : "not_adapted")}`, lane, "quiet");
    const track = made("div", "", lane, "track");
    for (const segment of own) {
      const part = made("button", "", track, emotions.includes(segment.emotion) ? "" : segment.emotion);
      part.style.left = share(segment.start);
      part.style.width = share(segment.end - segment.start);
      if (emotions.includes(segment.emotion)) part.style.background = `var(--${segment.emotion})`;
      part.title = part.ariaLabel = `${speaker}, ${span(segment)}: ${segment.emotion} ${percent(segment.confidence)}`;
      part.addEventListener("click", () => { choose(segments.indexOf(segment)); play(segment.start, segment.end); });
    }
  }
}

// Listening.
const player = $("player");
player.src = `data:audio/mpeg;base64,${data.sound}`; // before wavesurfer.js looks at it
let until = Infinity; // where playing ends, unless somebody moves on
let aim = 0;
function play(from, to) {
  until = to;
  aim = player.currentTime = from;
  player.play().catch(() => {}); // the next click came before it began
}
player.addEventListener("seeking", () => {
  if (Math.abs(player.currentTime - aim) > 0.01) until = Infinity;
});
const toggle = () => (player.paused ? player.play().catch(() => {}) : player.pause());

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const surfer = WaveSurfer.create({
  container: "#wave", media: player, height: 96, peaks: [data.peaks.length ? data.peaks : [0]], duration: length,
  normalize: true, waveColor: colour("quiet"), progressColor: colour("quiet"), cursorColor: "#2563eb", cursorWidth: 2,
  barWidth: 2, barGap: 1, minPxPerSec: 0, autoScroll: true, autoCenter: !calm, dragToSeek: true,
});
const regions = surfer.registerPlugin(WaveSurfer.Regions.create());
const tint = (name) => (emotions.includes(name) ? `${colour(name)}66` : "#0000");
const hatched = (angle, paint) => `repeating-linear-gradient(${angle}deg, ${paint} 0 1.5px, #0000 1.5px 6px)`;
function draw() {
  regions.clearRegions();
  segments.forEach((segment, i) => {
    const region = regions.addRegion({ id: `s${i}`, start: segment.start, end: segment.end, color: tint(segment.emotion), drag: false, resize: false });
    // No emotion is told by a pattern, never by a grey that neutral might have.
    if (!emotions.includes(segment.emotion)) region.element.style.backgroundImage = hatched(135, `${colour("unsure")}77`);
    region.on("click", (event) => { event.stopPropagation(); choose(i); play(segment.start, segment.end); });
  });
  for (const gap of gaps) {
    const region = regions.addRegion({ start: gap.start, end: Math.max(gap.end, gap.start + 0.01), color: "#0000", drag: false, resize: false });
    region.element.style.backgroundImage = `${hatched(45, "#888")}, ${hatched(135, "#888")}`;
    region.element.title = say("gap", { span: span(gap), reason: gap.reason });
  }
}
let scale = 0; // pixels a second; 0 is the whole recording
function zoom(factor) {
  const least = $("wave").clientWidth / length;
  scale = factor ? Math.min(600, Math.max(least, (scale || least) * factor)) : 0;
  surfer.zoom(scale > least ? scale : 0);
  paint();
}
function visible() {
  const width = $("wave").clientWidth || 1;
  const whole = Math.max(width, scale * length);
  const from = surfer.getScroll() / whole * length;
  return [from, from + width / whole * length];
}

function paint() {
  const [from, to] = visible();
  paintAxis($("axis"), from, to);
  paintSpectrogram($("spectrogram"), from, to);
  paintMood($("mood"), from, to);
}
for (const id of ["spectrogram", "mood"]) {
  $(id).addEventListener("click", (event) => {
    const [from, to] = visible();
    play(from + (to - from) * event.offsetX / $(id).clientWidth, Infinity);
  });
}

// Rows and words that are being played; a recording of an hour has thousands, of which few change.
let marked = new Set();
let last = null; // the row that was marked last
const seen = (row) => { const { top, bottom } = row.getBoundingClientRect(); return bottom > 0 && top < innerHeight; };
function mark(now) {
  const active = new Set();
  for (const [{ start, end }, node] of [rows, words].flat()) if (start <= now && now < end) active.add(node);
  for (const node of marked) if (!active.has(node)) node.classList.remove("now");
  for (const node of active) if (!marked.has(node)) node.classList.add("now");
  const row = [...active].findLast((node) => node.tagName === "TR");
  if (row && row !== last) {
    if (!player.paused && last && seen(last)) row.scrollIntoView({ block: "nearest" }); // whoever looks elsewhere stays there
    last = row;
  }
  marked = active;
  const [from, to] = visible();
  for (const line of document.querySelectorAll(".cursor")) {
    line.hidden = now < from || now > to;
    line.style.left = `${100 * (now - from) / (to - from)}%`;
  }
}
let frame = 0;
function follow() {
  cancelAnimationFrame(frame);
  const now = player.currentTime;
  if (now >= until && !player.seeking) {
    until = Infinity;
    player.pause();
  }
  $("clock").textContent = `${clock(now, true)} / ${clock(length, true)}`;
  mark(now);
  if (!player.paused) frame = requestAnimationFrame(follow);
}

// Saving, with the names that were given.
function saved(kind) {
  const found = structuredClone(data);
  for (const name of ["peaks", "curve", "sound", "spectrogram", "emotions"]) delete found[name];
  for (const segment of found.segments) segment.speaker = segment.speaker && named(segment.speaker);
  if (kind === "json") return JSON.stringify(found, null, 1);
  const cell = (value) => `"${String(/^[=+@\t\r-]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
  const columns = ["start", "end", "speaker", "emotion", "confidence", "text"];
  const lines = found.segments.map((s) => columns.map((c) => (typeof s[c] === "number" ? s[c] : cell(s[c] ?? ""))).join());
  return [columns.join(), ...lines].join("\r\n");
}
function saving() {
  $("save").append(`${say("save")}: `);
  for (const kind of ["json", "csv"]) {
    const button = made("button", kind.toUpperCase(), $("save"));
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([saved(kind)], { type: "text/plain" }));
      link.download = `${data.file.replace(/\.\w+$/, "")}.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    $("save").append(" ");
  }
  if (speakers.length) made("span", say("saved_names"), $("save"), "quiet");
}

head();
notes();
legend();
lanes();
saving();
inked();
$("play").textContent = say("play");
$("play").addEventListener("click", () => { until = Infinity; toggle(); });
$("closer").addEventListener("click", () => zoom(2));
$("farther").addEventListener("click", () => zoom(0.5));
$("whole").addEventListener("click", () => zoom(0));
$("speed").addEventListener("change", () => { player.playbackRate = Number($("speed").value); });
// A tab that isn't looked at has no animation frames, but it has timeupdate.
for (const name of ["play", "pause", "seeked", "ended", "timeupdate"]) player.addEventListener(name, follow);
for (const name of ["play", "pause", "ended"]) player.addEventListener(name, () => { $("play").textContent = say(player.paused ? "play" : "pause"); });
const SKIP_S = 5; // seconds of an arrow key
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, button, a, summary")) {
    if (!(event.target.matches(".pick") && "+-0".includes(event.key))) return;
  }
  const does = { " ": toggle, "+": () => zoom(2), "-": () => zoom(0.5), 0: () => zoom(0), ArrowLeft: () => { player.currentTime -= SKIP_S; }, ArrowRight: () => { player.currentTime += SKIP_S; }, ArrowDown: () => rows[0]?.[1].querySelector(".pick").focus() }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
surfer.on("scroll", () => { paint(); mark(player.currentTime); });
surfer.on("ready", () => { draw(); paint(); });
$("wave").ariaLabel = say("wave_label", { time: clock(length), count: segments.length });
$("spectrogram").ariaLabel = say("spectrogram_label");
$("mood").ariaLabel = say("mood_label");
new ResizeObserver(() => { paint(); if (chosen >= 0) choose(chosen); }).observe($("listening"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  surfer.setOptions({ waveColor: colour("quiet"), progressColor: colour("quiet") });
  inked();
  draw();
  paint();
  if (chosen >= 0) choose(chosen);
});
if (segments.length) choose(0);
else nobody();
follow();

// Inside of the service's page, what is dropped here goes to it.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    if (name !== "drop") return;
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const entries = items.map((item) => item.webkitGetAsEntry());
    window.parent.postMessage({
      files: items.filter((_, i) => !entries[i]?.isDirectory).map((item) => item.getAsFile()),
      folders: entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name),
    }, "*");
  });
}

// Listening: the sound, its waveform with the sentences in it, and what is marked while it is played.
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
let near = true; // whether that row is in the part of this page's frame, if it has one, that is on the screen
const sight = window.parent === window ? null : new IntersectionObserver((all) => {
  for (const { target, isIntersecting } of all) if (target === last) near = isIntersecting;
});
function seen(row) {
  const { top, bottom } = row.getBoundingClientRect();
  return near && bottom > 0 && top < innerHeight;
}
function mark(now) {
  const active = new Set();
  for (const [{ start, end }, node] of [rows, words].flat()) if (start <= now && now < end) active.add(node);
  for (const node of marked) if (!active.has(node)) node.classList.remove("now");
  for (const node of active) if (!marked.has(node)) node.classList.add("now");
  const row = [...active].findLast((node) => node.tagName === "TR");
  if (row && row !== last) {
    if (!player.paused && last && seen(last)) row.scrollIntoView({ block: "nearest" }); // whoever looks elsewhere stays there
    last = row;
    sight?.disconnect();
    sight?.observe(row);
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
  $("clock").textContent = `${at(now, true)} / ${at(length, true)}`;
  mark(now);
  if (!player.paused) frame = requestAnimationFrame(follow);
}

// Which parts of a sentence's sound decided. Only a service can say: this page asks the one that shows it, if one does.
let service = false;
const explained = new Map(); // sentence -> the service's answer: {falls, times, bands, most, ...}, or {error}
const unfolded = new Set(); // sentences whose answer is shown
let asking = -1; // the sentence that is being asked about
let panel = null; // of the chosen sentence: {i, picture, button, told}

// Sound of the page (formats/html.py): MP3 frames of one size, behind one that says how many there are.
const RATE = 16000; // Hz
const FRAME = { bytes: 108, samples: 576 };
const DELAY = 1105; // samples of encoder and decoder before the recording begins
const BEFORE = 4; // frames that another one builds upon
async function samples(from, to) { // only what is asked for is decoded: an hour would take a quarter of a gigabyte
  const file = Uint8Array.from(atob(data.sound), (c) => c.charCodeAt(0));
  const info = new DataView(file.buffer, String.fromCharCode(...file.subarray(0, 400)).indexOf("Info"));
  const frames = file.subarray(file.length - FRAME.bytes * info.getUint32(8));
  const begin = Math.round(from * RATE) + DELAY;
  const first = Math.max(0, Math.floor(begin / FRAME.samples) - BEFORE);
  const count = Math.round((to - from) * RATE);
  const last = Math.ceil((begin + count) / FRAME.samples) + 1;
  const part = frames.slice(first * FRAME.bytes, last * FRAME.bytes);
  const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(part.buffer);
  const at = begin - first * FRAME.samples;
  return decoded.getChannelData(0).subarray(at, at + count);
}
function wav(sound) { // mono, 16 bits
  const bytes = new DataView(new ArrayBuffer(44 + 2 * sound.length));
  const word = (at, text) => [...text].forEach((c, i) => bytes.setUint8(at + i, c.charCodeAt(0)));
  const number = (at, value, size = 4) => (size === 4 ? bytes.setUint32(at, value, true) : bytes.setUint16(at, value, true));
  word(0, "RIFF"); number(4, 36 + 2 * sound.length); word(8, "WAVEfmt "); number(16, 16);
  number(20, 1, 2); number(22, 1, 2); number(24, RATE); number(28, 2 * RATE); number(32, 2, 2); number(34, 16, 2);
  word(36, "data"); number(40, 2 * sound.length);
  sound.forEach((value, i) => bytes.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, value)) * 32767, true));
  return bytes.buffer;
}

// Asking.
const leading = ({ emotion, probabilities }) => (emotions.includes(emotion) ? emotion
  : emotions.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a)));
const MARGIN = 0.2; // seconds around the words, or around speech without words, that were judged with them
const judged = ({ start, end, words }) => [
  Math.max(0, (words[0]?.start ?? start) - MARGIN), Math.min(data.duration, (words.at(-1)?.end ?? end) + MARGIN)];
async function ask(i) {
  asking = i;
  try {
    const sound = wav(await samples(...judged(segments[i])));
    window.parent.postMessage({ explain: { number: i, emotion: leading(segments[i]), sound } }, "*", [sound]);
  } catch (problem) {
    answered(i, { error: problem.message });
  }
}
function answered(i, answer) {
  asking = -1;
  if (answer.times) { // from the beginning of what was sent -> from that of the sentence
    const shift = judged(segments[i])[0] - segments[i].start;
    answer.times = answer.times.map((time) => time + shift);
    if (answer.most) Object.assign(answer.most, { start: answer.most.start + shift, end: answer.most.end + shift });
  }
  explained.set(i, answer);
  showParts();
}
window.addEventListener("message", ({ source, data: told }) => {
  if (source !== window.parent || source === window) return;
  if (told.service && !service) {
    service = true;
    if (chosen >= 0) choose(chosen);
  }
  if (told.explained) answered(told.explained.number, told.explained.answer);
});

// Showing.
function explaining(i, picture, parent) {
  panel = null;
  if (!service) return;
  const box = made("div", "", parent, "parts");
  const button = made("button", say("parts"), box);
  button.type = "button";
  panel = { i, picture, button, told: made("div", "", box) };
  button.addEventListener("click", () => {
    if (asking >= 0) return; // one after the other
    if (unfolded.has(i)) unfolded.delete(i);
    else unfolded.add(i);
    if (unfolded.has(i) && (!explained.has(i) || explained.get(i).error)) ask(i);
    showParts();
  });
}
function showParts() {
  if (!panel) return;
  const { i, picture, button, told } = panel;
  const open = unfolded.has(i);
  const found = explained.get(i);
  button.ariaPressed = open;
  button.ariaDisabled = asking >= 0;
  told.replaceChildren();
  paintSpectrogram(picture, segments[i].start, segments[i].end);
  picture.ariaLabel = say("spectrogram_label");
  if (!open) return;
  if (asking === i) made("p", say("parts_asking"), told, "quiet");
  else if (!found) return;
  else if (found.error) made("p", say("parts_failed", { problem: found.error }), told, "warning");
  else parts(found, picture, told, segments[i]);
}
function parts(found, picture, told, segment) {
  const { emotion } = found;
  const text = found.most ? say("parts_most", { emotion, when: when(found), where: where(found) }) : say("parts_none", { emotion });
  picture.ariaLabel = `${say("spectrogram_label")}. ${text}`;
  made("p", text, told);
  if (found.most) {
    paintParts(picture, found, segment.end - segment.start);
    const scale = made("p", "", told, "scale");
    const least = 1 - Math.exp(-Math.max(...found.falls.flat()));
    made("span", say("parts_same"), scale);
    made("i", "", scale);
    made("span", say("parts_less", { share: percent(least) }), scale);
  }
  made("p", say("parts_meaning", { emotion }), told, "quiet");
  made("p", say("parts_limits", { emotion, share: percent(found.probability) }), told, "quiet");
}
const tenth = (seconds) => Math.max(0, seconds).toFixed(1);
const pitch = (hertz) => (hertz < 950 ? `${10 * Math.round(hertz / 10)} Hz` : `${(hertz / 1000).toFixed(1).replace(".0", "")} kHz`);
function when({ most, times }) {
  if (most.start <= times[0] && most.end >= times.at(-1)) return say("parts_whole");
  return say("parts_when", { start: tenth(most.start), end: tenth(most.end) });
}
function where({ most, bands }) {
  const [low, high] = [pitch(most.low), pitch(most.high)];
  const [bottom, top] = [most.low <= bands[0], most.high >= bands.at(-1)];
  if (bottom && top) return say("parts_all");
  return bottom ? say("parts_below", { high }) : top ? say("parts_above", { low }) : say("parts_between", { low, high });
}
const mel = (hertz) => (hertz < 1000 ? 3 * hertz / 200 : 15 + 27 * Math.log(hertz / 1000) / Math.log(6.4)); // Slaney's
const [LOWEST, HIGHEST] = [mel(50), mel(8000)]; // of the spectrogram
function paintParts(canvas, { falls, times, bands, most }, duration) {
  const pen = canvas.getContext("2d");
  const { clientWidth: width, clientHeight: height } = canvas;
  const x = (time) => width * time / duration;
  const y = (hertz) => height * Math.min(1, Math.max(0, 1 - (mel(hertz) - LOWEST) / (HIGHEST - LOWEST)));
  const peak = Math.max(...falls.flat());
  pen.fillStyle = pen.strokeStyle = colour("mark");
  falls.forEach((row, r) => row.forEach((fall, c) => {
    pen.globalAlpha = 0.7 * Math.max(0, fall) / peak;
    pen.fillRect(x(times[c]), y(bands[r + 1]), x(times[c + 1]) - x(times[c]), y(bands[r]) - y(bands[r + 1]));
  }));
  pen.globalAlpha = 1;
  pen.lineWidth = 2;
  pen.strokeRect(x(most.start) + 1, y(most.high) + 1, x(most.end) - x(most.start) - 2, y(most.low) - y(most.high) - 2);
}

// Strips below the waveform: canvases that show what is visible of it; and the pictures of one sentence.
function fresh(canvas) {
  const sharp = window.devicePixelRatio || 1;
  canvas.width = Math.floor(canvas.clientWidth * sharp);
  canvas.height = Math.floor(canvas.clientHeight * sharp);
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  return [pen, canvas.clientWidth, canvas.clientHeight];
}
const sound = data.spectrogram;
const levels = Uint8Array.from(atob(sound.levels), (c) => c.charCodeAt(0)); // [columns, rows], row 0 the lowest
const ink = document.createElement("canvas");
function inked() { // the whole spectrogram once, in the colour of text
  if (!sound.columns) return;
  ink.width = sound.columns;
  ink.height = sound.rows;
  const rgb = getComputedStyle(document.body).color.match(/\d+/g).map(Number);
  const image = new ImageData(sound.columns, sound.rows);
  for (let x = 0; x < sound.columns; x++) {
    for (let y = 0; y < sound.rows; y++) {
      const at = 4 * ((sound.rows - 1 - y) * sound.columns + x);
      image.data.set([rgb[0], rgb[1], rgb[2], levels[x * sound.rows + y]], at);
    }
  }
  ink.getContext("2d").putImageData(image, 0, 0);
}
function paintSpectrogram(canvas, from, to) {
  const [pen, width, height] = fresh(canvas);
  if (!sound.columns) return;
  const x = from / sound.step;
  const wide = Math.max(1, (to - from) / sound.step);
  // What is soft in the whole recording is drawn over itself, until its loudest part is seen.
  const part = levels.subarray(Math.floor(x) * sound.rows, Math.ceil(x + wide) * sound.rows);
  const loudest = part.reduce((a, b) => Math.max(a, b), 0) / 255;
  for (let seen = 0, times = 0; seen < 0.7 && times < 3 && loudest > 0; times++) {
    pen.drawImage(ink, x, 0, wide, sound.rows, 0, 0, width, height);
    seen = 1 - (1 - seen) * (1 - loudest);
  }
}
const SIGMA = 1.5; // bins over which the emotions over time are smoothed
const FEWEST_S = 0.3; // bins with less speech than this share are gaps
function smoothed(from, to, bins) { // the table's probabilities in equal parts of a stretch of time
  const step = (to - from) / bins;
  const spread = SIGMA * step;
  const bin = Array.from({ length: bins }, () => ({ time: 0, of: new Float64Array(emotions.length) }));
  for (const { start, end, probabilities } of segments) {
    const first = Math.max(0, Math.floor((start - 3 * spread - from) / step));
    const last = Math.min(bins, Math.ceil((end + 3 * spread - from) / step));
    for (let k = first; k < last; k++) {
      const middle = from + (k + 0.5) * step;
      const away = Math.max(0, start - middle, middle - end) / spread;
      const weight = Math.exp(-away * away / 2) * Math.min(1, (end - start) / step);
      bin[k].time += weight;
      emotions.forEach((emotion, e) => { bin[k].of[e] += weight * probabilities[emotion]; });
    }
  }
  return bin;
}
function runs(bin) { // [first, behind the last] bins of each stretch with speech
  const found = [];
  bin.forEach(({ time }, k) => {
    if (time < FEWEST_S) return;
    if (found.at(-1)?.[1] === k) found.at(-1)[1] = k + 1;
    else found.push([k, k + 1]);
  });
  return found;
}
function paintMood(canvas, from, to) { // areas one upon the other; within a stretch of speech they are smooth
  const [pen, width, height] = fresh(canvas);
  const bins = Math.max(20, Math.min(240, Math.floor(width / 4)));
  const bin = smoothed(from, to, bins);
  const wide = width / bins;
  const colours = emotions.map(colour);
  for (const [start, end] of runs(bin)) {
    const own = bin.slice(start, end);
    const x = [start * wide, ...own.map((_, i) => (start + i + 0.5) * wide), end * wide];
    let top = x.map(() => 0);
    emotions.forEach((_, e) => {
      const tall = own.map(({ time, of }) => height * of[e] / time);
      const low = [tall[0], ...tall, tall.at(-1)].map((t, i) => top[i] + t);
      pen.fillStyle = pen.strokeStyle = colours[e];
      pen.lineWidth = 0.6; // no light between two areas
      pen.beginPath();
      x.forEach((at, i) => pen.lineTo(at, top[i]));
      for (let i = x.length - 1; i >= 0; i--) pen.lineTo(x[i], low[i]);
      pen.fill();
      pen.stroke();
      top = low;
    });
  }
  const seconds = Math.max(1, Math.round(2 * SIGMA * (to - from) / bins));
  $("mood-note").textContent = `${say("mood")}: ${say("mood_note", { seconds })}`;
}
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // seconds between two times
function paintAxis(canvas, from, to) {
  const [pen, width, height] = fresh(canvas);
  const step = STEPS.find((seconds) => seconds / (to - from) * width >= 64) || STEPS.at(-1);
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = pen.strokeStyle = colour("quiet");
  for (let k = Math.ceil(from / step); k * step <= to; k++) {
    const x = (k * step - from) / (to - from) * width;
    pen.fillRect(Math.round(x), 0, 1, 4);
    const text = at(k * step, step < 1);
    pen.fillText(text, Math.max(0, Math.min(width - pen.measureText(text).width, x - pen.measureText(text).width / 2)), height - 3);
  }
}
const first = []; // place of each segment's first window in the curve by sound alone
data.curve.counts.reduce((sum, count, i) => { first[i] = sum; return sum + count; }, 0);
function paintCourse(canvas, i) {
  const [pen, width, height] = fresh(canvas);
  const own = Array.from({ length: data.curve.counts[i] || 0 }, (_, k) => first[i] + k);
  if (!own.length) return;
  const { start, end } = segments[i];
  const x = (time) => width * (time - start) / (end - start || 1);
  const y = (p) => height - 3 - p * (height - 6);
  pen.lineWidth = 2;
  for (const emotion of emotions) {
    const p = data.curve[emotion];
    pen.strokeStyle = colour(emotion);
    pen.beginPath();
    pen.moveTo(0, y(p[own[0]]));
    for (const k of own) pen.lineTo(x(data.curve.times[k]), y(p[k]));
    pen.lineTo(width, y(p[own.at(-1)]));
    pen.stroke();
  }
}

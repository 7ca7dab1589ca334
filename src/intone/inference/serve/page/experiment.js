// The experiment's figures, from experiment.json, which is made from results/.
const NS = "http://www.w3.org/2000/svg";
let shown = false;

export async function showExperiment(box, say, made) {
  if (shown) return;
  shown = true;
  const response = await fetch("page/experiment.json");
  if (!response.ok) {
    made("p", say("experiment_none"), box);
    return;
  }
  const data = await response.json();
  made("h1", say("experiment_title"), box);
  made("p", say("experiment_how", { clips: data.clips, actors: data.actors, chance: data.chance }), box, "lead");
  models(data, box, say, made);
  matrices(data, box, say, made);
  made("h2", say("reliability_title"), box);
  made("p", say("reliability_how", { model: data.reliability.title, ece: data.reliability.ece }), box, "quiet");
  chart(box, { xs: [0, 1], ys: [0, 1], label: say("reliability_title"), dots: data.reliability.points, lines: [{ points: [[0, 0], [1, 1]], quiet: true }] });
  if (data.noise.length) {
    made("h2", say("robust_title"), box);
    made("p", say("robust_how"), box, "quiet");
    for (const kind of [...new Set(data.noise.map((line) => line.kind))]) {
      const own = data.noise.filter((line) => line.kind === kind);
      made("p", `${kind} (${own[0].unit})`, box, "quiet");
      const xs = own.flatMap((line) => line.points.map(([x]) => x));
      chart(box, { xs: [Math.min(...xs), Math.max(...xs)], ys: [0, 100], label: kind, lines: own });
    }
  }
  if (data.known_voice.length) {
    made("h2", say("known_title"), box);
    made("p", say("known_how"), box, "quiet");
    const places = data.known_voice[0].points.map(([k]) => k);
    chart(box, {
      xs: [0, places.length - 1], ys: [50, 100], label: say("known_title"), ticks: places, axis: say("known_axis"),
      lines: data.known_voice.map((line) => ({ ...line, points: line.points.map(([, y], i) => [i, y]) })),
    });
  }
}

// All models of the first table; the last of its groups measures something else, and says so.
function models(data, box, say, made) {
  made("h2", say("brief_title"), box);
  const table = made("table", "", made("div", "", box, "scroll"));
  const head = made("tr", "", made("thead", "", table));
  for (const key of ["model", "training", "validation", "test", "uar", "interval"]) made("th", say(key), head, key === "model" ? "" : "number").scope = "col";
  const body = made("tbody", "", table);
  let words = "";
  for (const row of data.models) {
    if (row.words !== words) {
      words = row.words;
      const line = made("tr", "", body);
      const cell = made("th", words, line);
      cell.colSpan = 6;
      cell.scope = "rowgroup";
    }
    const line = made("tr", "", body);
    made("td", row.title, line);
    for (const value of [row.training, row.validation, row.test, row.uar[0]]) made("td", value.toFixed(1), line, "number");
    made("td", `${row.uar[1].toFixed(1)} – ${row.uar[2].toFixed(1)}`, line, "number");
  }
  made("p", say("words_paired"), box, "quiet");
}

// A model's title, with the words that it was tested with where there were any.
const titled = ({ title, words }, say) => (words ? say("matrix_words", { model: title, words }) : title);

function matrices(data, box, say, made) {
  if (!data.matrices.length) return;
  made("h2", say("matrix_title"), box);
  const how = made("p", "", box, "quiet");
  const choice = made("select", "", box);
  choice.ariaLabel = say("model");
  data.matrices.forEach((one, i) => { made("option", titled(one, say), choice).value = i; });
  const place = made("div", "", box, "scroll");
  const draw = () => {
    const { rows } = data.matrices[choice.value];
    how.textContent = say("matrix_how", { model: titled(data.matrices[choice.value], say) });
    place.replaceChildren();
    const table = made("table", "", place, "matrix");
    const head = made("tr", "", made("thead", "", table));
    for (const name of ["", ...data.emotions]) made("th", name, head).scope = "col";
    const body = made("tbody", "", table);
    rows.forEach((row, i) => {
      const line = made("tr", "", body);
      made("th", data.emotions[i], line).scope = "row";
      for (const value of row) {
        const cell = made("td", Math.round(value), line);
        cell.style.background = `color-mix(in srgb, #2563eb ${Math.round(value * 0.6)}%, transparent)`;
      }
    });
  };
  choice.addEventListener("change", draw);
  draw();
}

// Lines and dots in a frame; `ticks` name places on the horizontal axis.
function chart(box, { xs, ys, lines = [], dots = [], label, ticks, axis = "" }) {
  const [width, height, left, right, low] = [640, 240, 44, 30, 40];
  const x = (v) => left + (v - xs[0]) / (xs[1] - xs[0] || 1) * (width - left - right);
  const y = (v) => height - low - (v - ys[0]) / (ys[1] - ys[0]) * (height - low - 10);
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const put = (tag, attributes, text = "") => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.textContent = text;
    svg.append(node);
  };
  for (let k = 0; k <= 4; k++) {
    const v = ys[0] + k / 4 * (ys[1] - ys[0]);
    put("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), stroke: "#8884" });
    put("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, Number(v.toFixed(2)));
  }
  const names = ticks || [xs[0], (xs[0] + xs[1]) / 2, xs[1]];
  names.forEach((name, i) => {
    const at = ticks ? i : name;
    put("text", { x: x(at), y: height - low + 18, "text-anchor": "middle" }, ticks ? name : Number(name.toFixed(2)));
  });
  if (axis) put("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, axis);
  const strokes = ["#2563eb", "#d97706", "#117733"];
  lines.forEach((line, i) => {
    const points = [...line.points].sort((a, b) => a[0] - b[0]);
    put("polyline", { points: points.map(([a, b]) => `${x(a)},${y(b)}`).join(" "), fill: "none", stroke: line.quiet ? "#888" : strokes[i % 3], "stroke-width": line.quiet ? 1 : 2.5, "stroke-dasharray": line.quiet ? "4 4" : "" });
  });
  for (const [a, b, n] of dots) put("circle", { cx: x(a), cy: y(b), r: Math.max(2, Math.min(9, Math.sqrt(n) / 2)), fill: "#2563eb" });
  const figure = document.createElement("figure");
  figure.append(svg);
  const named = lines.filter((line) => line.title);
  if (named.length) {
    const caption = document.createElement("figcaption");
    for (const line of named) {
      const entry = document.createElement("span");
      const mark = document.createElement("span");
      mark.textContent = "━ ";
      mark.style.color = strokes[lines.indexOf(line) % 3];
      entry.append(mark, line.title);
      caption.append(entry);
    }
    figure.append(caption);
  }
  box.append(figure);
}

// A row for each sentence, and what is said of the one that is chosen.
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
  explaining(i, picture, box);
  probabilities(segment, box);
  made("h3", say("course"), box);
  const course = made("canvas", "", box);
  Object.assign(course, { id: "sentence-course", role: "img", ariaLabel: say("course") });
  paintSpectrogram(picture, segment.start, segment.end);
  showParts();
  paintCourse(course, i);
}

// Where nobody was heard: what that may come from.
function nobody() {
  $("sentences").hidden = true;
  made("h2", say("silent"), $("details"));
  made("p", say("silent_help"), $("details"));
}

// What is said of the whole recording: a sentence about its sentences, the heads of the page, notes and legend.
// The sentence names the emotions that last longest, and the surest moments of others.
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
    .map((segment) => say("moment", { emotion: segment.emotion, time: at(segment.start) }));
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

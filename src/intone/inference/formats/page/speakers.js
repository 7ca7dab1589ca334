// A lane for each speaker: a name, and no colour, says who it is: colours are for emotions.
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

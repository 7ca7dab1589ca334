// The page begins: everything is shown, and buttons and keys do something.
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

// The service's page makes this one's frame as tall as it is where a screen is too small for two that scroll.
new ResizeObserver(() => {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  if (window.parent !== window) window.parent.postMessage({ height }, "*");
}).observe(document.documentElement);

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

// The service's page begins: what it can do, its limits, and its samples.
import "./arrival.js";
import { again, analyze, fail, resume, stop } from "./job.js";
import { start as startLive } from "./live.js";
import { card, learn, model } from "./model.js";
import { plain } from "./recorder.js";
import { select } from "./tabs.js";
import { $, made, say } from "./words.js";

async function meet() {
  await learn();
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
  await resume();
}

$("hear").addEventListener("click", () => startLive({ $, say, made, plain, labels: model.labels || [] }));
$("again").addEventListener("click", again);
$("stop").addEventListener("click", stop);
$("brand").addEventListener("click", () => sessionStorage.removeItem("job")); // it begins anew
meet().catch((problem) => fail(say("silent", { problem: problem.message }), "gone"));

// What is dropped or chosen, on the page or on what was found; and what that asks of the service.
import { explain } from "./explain.js";
import { analyze, note } from "./job.js";
import { select } from "./tabs.js";
import { $, say } from "./words.js";

function dropped({ items }) {
  const files = [...items].filter((item) => item.kind === "file");
  const entries = files.map((item) => item.webkitGetAsEntry());
  return {
    files: files.filter((_, i) => !entries[i]?.isDirectory).map((item) => item.getAsFile()),
    folders: entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name),
  };
}
function take({ files: [file, ...others], folders }) {
  select("analyse");
  const names = new Intl.ListFormat("en").format(
    others.length > 3 ? [others[0].name, say("more", { count: others.length - 1 })] : others.map((other) => other.name));
  const remarks = folders.map((name) => say("folder", { name }));
  if (others.length) remarks.push(say("one_at_a_time", { first: file.name, others: names }));
  if (file) analyze(file, remarks);
  else note(remarks.join(" ") || say("no_file"));
}

$("choose").addEventListener("change", () => {
  const [file] = $("choose").files;
  $("choose").value = "";
  if (file) analyze(file);
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") take(dropped(event.dataTransfer));
  });
}
window.addEventListener("message", ({ source, data }) => { // from what was found
  if (source !== $("shown")?.contentWindow) return;
  if (data.height > 0) $("shown").style.setProperty("--tall", `${data.height}px`);
  if (data.explain) explain(data.explain, $("shown"));
  if (!data.files) return;
  // Its path is open to the frame alone, its content to whoever has the object: what is sent must be the content.
  take({ ...data, files: data.files.map((file) => new File([file], file.name, { type: file.type })) });
});

// What makes the console quicker where scripts run: charts, keys, forms that send themselves. Every
// page works without any of it.

"use strict";

const announce = (text) => { document.getElementById("announce").textContent = text; };

// Where the machine has no Chinese font, two signs look alike: then ours is sent for.
const drawn = (sign) => {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  canvas.width = canvas.height = 24;
  pen.font = `18px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillText(sign, 2, 20);
  return canvas.toDataURL();
};
const font = document.documentElement.dataset.font;
if (font && drawn("\u6388") === drawn("\u4fe1")) {
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: font }));
}

// A refusal is what the person must see next.
document.getElementById("refusal")?.focus();

// Choosing in a list of settings or filters sends the form; without scripts there is a button.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

// A verdict that needs a note says so before it is sent; a part of a form belongs to one choice.
const showParts = (form) => {
  const chosen = form.querySelector("input[data-choice]:checked, select[data-choice]")?.value ?? "";
  for (const part of form.querySelectorAll("[data-for]")) {
    const wanted = part.dataset.for.split(" ").includes(chosen);
    part.hidden = !wanted;
    for (const field of part.querySelectorAll("[data-required]")) field.required = wanted;
    if ("off" in part.dataset)
      for (const field of part.querySelectorAll("[name]")) field.disabled = !wanted;
  }
};
for (const form of document.querySelectorAll("form[data-parts]")) {
  showParts(form);
  form.addEventListener("change", () => showParts(form));
}

// One press, one message: the key in the form makes a second one harmless, this makes it rare.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.method === "post" && button) {
    button.setAttribute("aria-disabled", "true");
    event.target.addEventListener("submit", (again) => again.preventDefault());
  }
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// Keys: / searches, j and k walk a list, Enter opens, a d r choose a verdict, ? shows this sheet.
const rows = () => [...document.querySelectorAll("table.rows tbody tr")];
const walk = (step) => {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const to = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  all[at]?.removeAttribute("aria-selected");
  to.setAttribute("aria-selected", "true");
  to.querySelector("a")?.focus();
};
const choose = (verdict) => {
  const field = document.querySelector(`input[data-choice][value="${verdict}"]`);
  if (!field) return;
  field.checked = true;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
};
const KEYS = {
  "/": () => document.querySelector("[data-key='/']")?.focus(),
  j: () => walk(1), k: () => walk(-1),
  a: () => choose("approve"), d: () => choose("decline"), r: () => choose("return"),
  "?": () => document.getElementById("keys")?.showModal(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

// Folded sheets close when the person goes elsewhere.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(".bar-person[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// A part that was renewed says so once.
document.addEventListener("htmx:afterSwap", (event) => {
  const text = event.target.querySelector("[data-announce]")?.dataset.announce;
  if (text) announce(text);
});
// A page that waits for a step is read anew; nobody has to press reload.
const waiting = document.querySelector("[data-reload-after]");
if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.reloadAfter) * 1000);

// Charts show the numbers of the table beside them; patterns tell series apart in black and white.
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const draw = () => {
  for (const figure of document.querySelectorAll("[data-chart]")) {
    const option = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    const chart = echarts.init(figure, null, { renderer: "canvas" });
    chart.setOption({
      animation: false,
      color: ["#17548f", "#8fb3d6", "#c98a1b", "#7d8894", "#0f6b43", "#a8262c"],
      textStyle: { fontFamily: token("--letters"), color: token("--quiet") },
      grid: { left: 8, right: 16, top: 28, bottom: 4, containLabel: true },
      tooltip: { trigger: "axis" },
      aria: { label: { description: figure.getAttribute("aria-label") }, decal: { show: true } },
      ...option,
    });
    addEventListener("resize", () => chart.resize());
  }
};
addEventListener("DOMContentLoaded", () => {
  if (window.echarts) document.fonts.ready.then(draw);
});

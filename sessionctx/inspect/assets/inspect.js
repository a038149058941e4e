// Renews what lives on the page every five seconds, and reads values off the plots. Everything works without it.
"use strict";

const every = 5000;
const pause = document.getElementById("pause");
let paused = false, timer;

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Go on" : "Pause";
  if (!paused) renew();
});

async function renew() {
  clearTimeout(timer);
  try {
    if (!paused && !document.hidden && !document.querySelector(".plot.read")) {
      const res = await fetch("?format=html", {cache: "no-store"});
      if (!res.ok) throw new Error(res.status);
      const fresh = new DOMParser().parseFromString(await res.text(), "text/html");
      for (const part of document.querySelectorAll(".live")) {
        const next = fresh.getElementById(part.id);
        if (next) part.replaceWith(document.adoptNode(next));
      }
      document.title = fresh.title;
    }
    document.documentElement.classList.remove("stale");
  } catch {
    document.documentElement.classList.add("stale"); // the clock stands still, and says so
  }
  timer = setTimeout(renew, every);
}
timer = setTimeout(renew, every);
document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });

// The readout: the values at the time under the pointer are in the legend.
function clear() {
  for (const plot of document.querySelectorAll(".plot.read")) {
    plot.classList.remove("read");
    plot.querySelector(".cursor")?.remove();
    for (const b of plot.querySelectorAll(".legend b")) b.textContent = b.dataset.now;
  }
}

document.addEventListener("pointermove", event => {
  const svg = event.target.closest?.(".chart svg"), plots = document.getElementById("plots");
  clear();
  if (!svg || !plots.dataset.times) return;
  const times = plots.dataset.times.split("|"), box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * 120;
  const i = times.length - 1 - Math.max(0, Math.floor(120 - x));
  if (i < 0) return;
  const plot = svg.closest(".plot");
  plot.classList.add("read");
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("d", `M${x} 0V40`);
  svg.append(cursor);
  for (const span of plot.querySelectorAll(".legend span")) {
    span.querySelector("b").textContent = span.dataset.values.split("|")[i];
  }
  plot.querySelector(".legend span b").textContent += ` at ${times[i]}`;
});
document.addEventListener("pointerleave", clear);

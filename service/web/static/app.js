// Small conveniences; every page works without them. Charts are in chart.js.

// Arrow keys walk through the worklist; Enter follows the link as any link.
document.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [...document.querySelectorAll(".worklist a")];
  const here = links.indexOf(document.activeElement);
  if (here < 0) return;
  const next = links[here + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) {
    next.focus();
    event.preventDefault();
  }
});

// A live update must not close what somebody has opened or take the focus away.
document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event.detail.target;
  const focus = document.activeElement;
  target.dataset.focus = target.contains(focus) && focus.id ? focus.id : "";
});
document.addEventListener("htmx:afterSettle", (event) => {
  const id = event.detail.target.dataset.focus;
  if (id) document.getElementById(id)?.focus();
});

// The banner asks every 15 s: when nobody answers, the page says itself that it may be old.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id !== "blind") return;
  const lost = document.getElementById("lost");
  const status = event.detail.xhr?.status ?? 0;
  if (status > 0 && status < 500) {
    lost.hidden = true;
  } else if (lost.hidden) {
    const now = new Date();
    const time = lost.querySelector("time");
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    lost.hidden = false;
  }
});

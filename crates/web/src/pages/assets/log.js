// Follows a log: asks for the lines behind the last one, which the server has already made harmless, and puts them in place.
// Keys: `/` searches, `e` goes to the first error, `f` follows or stops.
"use strict";
(() => {
  const lines = document.getElementById("lines");
  const pause = (time) => new Promise((go) => setTimeout(go, time));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, textarea, select")) return;
    const target = { "/": "log-search", e: "first-error", f: "follow" }[event.key];
    const element = target && document.getElementById(target);
    if (!element || element.hidden) return;
    event.preventDefault();
    if (event.key === "/") element.focus(); else element.click();
  });

  if (!lines) {
    // The log begins later: look again when something has changed.
    const waiting = document.getElementById("log");
    if (waiting && document.querySelector("#task[data-live]")) {
      const look = async () => {
        for (;;) {
          await pause(1500);
          const answer = await fetch(location.pathname, { headers: { accept: "text/html" } }).catch(() => null);
          if (!answer || !answer.ok) continue;
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          if (fresh.getElementById("lines")) return location.reload();
          if (!fresh.querySelector("#task[data-live]")) return;
        }
      };
      look();
    }
    return;
  }
  if (!lines.hasAttribute("data-follow")) return;

  const button = document.getElementById("follow");
  const end = document.getElementById("log-end");
  let follows = !location.hash.startsWith("#L");
  const show = () => button.setAttribute("aria-pressed", String(follows));
  button.hidden = false;
  show();
  const toEnd = () => (end || lines).scrollIntoView({ block: "end", behavior: "auto" });
  button.addEventListener("click", () => {
    follows = !follows;
    show();
    if (follows) toEnd();
  });
  // Whoever scrolls up wants to read, not to follow.
  addEventListener("wheel", (event) => { if (event.deltaY < 0 && follows) { follows = false; show(); } }, { passive: true });

  const follow = async () => {
    let offset = lines.dataset.offset, line = lines.dataset.line, failures = 0;
    for (;;) {
      try {
        const answer = await fetch(`${lines.dataset.from}?offset=${offset}&line=${line}`);
        if (!answer.ok) throw new Error(answer.statusText);
        const text = await answer.text();
        const fresh = new DOMParser().parseFromString(`<pre>${text}</pre>`, "text/html").querySelector("pre");
        lines.append(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
        offset = answer.headers.get("kiln-offset");
        line = answer.headers.get("kiln-line");
        failures = 0;
        if (text && follows) toEnd();
        if (answer.headers.get("kiln-done") === "yes") break;
      } catch {
        failures += 1;
        await pause(Math.min(1000 * failures, 10000));
      }
    }
    lines.removeAttribute("data-follow");
    if (end) end.textContent = "This is the end.";
    button.hidden = true;
    if (window.kilnRefresh) await window.kilnRefresh();
  };
  follow();
})();

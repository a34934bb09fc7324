// Keeps the parts of a page that say `data-live` up to date: when the server says that something has changed, the page is
// fetched once more and those parts are taken from it. Without this script, a page is what it was when it was loaded.
"use strict";
(() => {
  const parts = () => document.querySelectorAll("[data-live][id]");
  if (parts().length === 0) return;
  const PAUSE = 2000;
  const pause = (time) => new Promise((go) => setTimeout(go, time));
  const isBusy = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

  const refresh = async () => {
    const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const other = fresh.getElementById(part.id);
      if (!other || isBusy(part) || other.innerHTML === part.innerHTML) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const open = [...part.querySelectorAll("details")].map((one) => one.open);
      part.replaceChildren(...[...other.childNodes].map((node) => document.importNode(node, true)));
      [...part.querySelectorAll("details")].forEach((one, place) => { if (open[place]) one.open = true; });
      if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
      if (!other.hasAttribute("data-live")) part.removeAttribute("data-live");
    }
  };
  window.kilnRefresh = refresh;

  const watch = async () => {
    let seen = 0;
    while (parts().length > 0) {
      try {
        const answer = await fetch(`/api/kiln/v1/changes?seen=${seen}`);
        if (!answer.ok) throw new Error(answer.statusText);
        const now = (await answer.json()).seen;
        if (now !== seen && document.visibilityState === "visible") await refresh();
        seen = now;
      } catch {
        await pause(10 * PAUSE);
      }
      await pause(PAUSE);
    }
  };
  watch();
})();

// Keeps the parts of a page that say `data-live` up to date: when the server says that something has changed, the page is
// fetched once more and those parts are taken from it. Without this script, a page is what it was when it was loaded.
"use strict";
(() => {
  const parts = () => document.querySelectorAll("[data-live][id]");
  if (parts().length === 0) return;
  const PAUSE = 2000;
  const pause = (time) => new Promise((go) => setTimeout(go, time));
  const isBusy = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

  // Changes what differs and nothing else, so that what somebody points at, has opened or has in focus stays what it is.
  const morph = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    const there = [...old.childNodes], wanted = [...fresh.childNodes];
    wanted.forEach((node, place) => {
      if (there[place]) morph(there[place], node); else old.append(document.importNode(node, true));
    });
    for (const extra of there.slice(wanted.length)) extra.remove();
  };

  const refresh = async () => {
    const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const other = fresh.getElementById(part.id);
      if (!other || isBusy(part)) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      morph(part, other);
      if (focused && document.activeElement.getAttribute("href") !== focused) {
        part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
      }
    }
    document.dispatchEvent(new Event("kiln:refreshed"));
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

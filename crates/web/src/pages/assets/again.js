// Says on the page of a package whether it will be built again: that takes longer than the page, so it is fetched for each
// target on its own. Without this script there is a link.
"use strict";
(() => {
  const PAUSE = 10000;
  const fill = async (place) => {
    const answer = await fetch(place.dataset.again, { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("again");
    if (!found || place.textContent === found.textContent) return;
    place.replaceChildren(...[...found.childNodes].map((node) => document.importNode(node, true)));
  };
  const fillAll = async () => {
    for (const place of document.querySelectorAll("[data-again]")) await fill(place);
  };
  let next = 0;
  document.addEventListener("kiln:refreshed", () => {
    clearTimeout(next);
    next = setTimeout(fillAll, PAUSE);
  });
  fillAll();
})();

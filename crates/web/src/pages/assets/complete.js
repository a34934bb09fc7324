// Completion in the editor of build configurations: while somebody types, words that fit are shown below the cursor. Ctrl and
// Space asks for them; the arrows choose one, Enter or Tab takes it, Escape goes back. Enter and Tab keep their own meaning
// until one is chosen. The server knows the words, the same ones as for editors that speak the language server's protocol.
"use strict";
(() => {
  const { area, editor, rangeOf, lineElement } = window.kilnEditor ?? {};
  const address = editor?.dataset.complete;
  if (!area || !address) return;
  const LONGEST_LIST = 200, PAUSE = 120;
  const list = document.createElement("ul");
  list.id = "completions";
  list.className = "completions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Words that fit");
  area.form.append(list);
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);

  let words = [], chosen = -1, span = [0, 0], asked = 0, timer = 0;
  const bytes = (text) => new TextEncoder().encode(text).length;

  const close = () => {
    clearTimeout(timer);
    asked += 1;
    words = [];
    chosen = -1;
    list.hidden = true;
    list.replaceChildren();
    area.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    chosen = (place + words.length) % words.length;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
    const item = list.children[chosen];
    area.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  };
  const take = (place) => {
    const label = words[place].label;
    area.focus();
    area.setSelectionRange(...span);
    close();
    // Only this way the browser can take it back again.
    if (!document.execCommand("insertText", false, label)) {
      area.setRangeText(label, ...span, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    close();
  };

  const place = () => {
    const box = area.form.getBoundingClientRect();
    const line = lineElement(span[0]).getBoundingClientRect();
    const before = span[0] > 0 ? rangeOf(span[0] - 1, span[0]) : null;
    const same = before && area.value[span[0] - 1] !== "\n";
    const left = same ? before.getBoundingClientRect().right : line.left;
    list.style.left = `${Math.max(0, Math.min(left - box.left, box.width - list.offsetWidth))}px`;
    list.style.top = `${line.bottom - box.top}px`;
  };
  const show = (found, wanted) => {
    words = found.slice(0, LONGEST_LIST);
    list.replaceChildren(...words.map((word, number) => {
      const item = document.createElement("li");
      item.id = `completion-${number}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      const name = document.createElement("b"), form = document.createElement("span"), effect = document.createElement("small");
      name.textContent = word.label;
      form.textContent = word.form === word.label ? "" : word.form;
      effect.textContent = word.effect;
      item.append(name, " ", form, effect);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(number); });
      return item;
    }));
    list.hidden = false;
    chosen = -1;
    area.removeAttribute("aria-activedescendant");
    place();
    if (wanted) choose(0);
  };

  const ask = async (wanted) => {
    const number = (asked += 1), text = area.value, cursor = area.selectionStart;
    if (cursor !== area.selectionEnd) return close();
    const answer = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text, at: bytes(text.slice(0, cursor)) }),
    }).catch(() => null);
    if (number !== asked || text !== area.value || cursor !== area.selectionStart || document.activeElement !== area) return;
    const found = answer && answer.ok ? await answer.json() : { completions: [] };
    if (number !== asked || text !== area.value) return;
    const start = new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, found.start)).length;
    const typed = text.slice(start, cursor);
    const fitting = found.completions.filter((word) => word.label !== typed);
    if (fitting.length === 0 || (!wanted && typed === "" && text[cursor - 1] !== "%" && text[cursor - 1] !== "{")) return close();
    span = [start, cursor];
    show(fitting, wanted);
  };

  area.addEventListener("input", (event) => {
    close();
    if (event.inputType !== "insertText" || !/[\w%{:.-]/.test(event.data ?? "")) return;
    timer = setTimeout(() => ask(false), PAUSE);
  });
  area.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.code === "Space") {
      event.preventDefault();
      ask(true);
      return;
    }
    if (event.key === "Escape" && list.hidden) return close();
    if (list.hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    const takes = chosen >= 0 && (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey));
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp" && chosen >= 0) choose(chosen - 1);
    else if (event.key === "Escape") close();
    else if (takes) take(chosen);
    else return;
    event.preventDefault();
  });
  area.addEventListener("blur", close);
  area.addEventListener("scroll", close);
  document.addEventListener("selectionchange", () => {
    if (!list.hidden && document.activeElement === area && area.selectionStart !== span[1]) close();
  });
})();

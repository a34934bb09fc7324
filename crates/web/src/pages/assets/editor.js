// The editor of build configurations: colours, line numbers, and findings while somebody types. The text area stays the
// form's own; without this script it is a plain one, and "Check" asks the server.
"use strict";
(() => {
  const area = document.getElementById("text");
  const editor = document.getElementById("editor");
  if (!area || !editor) return;
  const status = document.getElementById("cursor-finding");
  const list = document.getElementById("findings");
  const summary = document.getElementById("findings-summary");
  const make = (name, classes, text) => {
    const element = document.createElement(name);
    if (classes) element.className = classes;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // --- the layers behind the text area
  const gutter = make("div", "gutter"), layer = make("pre", "layer");
  gutter.setAttribute("aria-hidden", "true");
  layer.setAttribute("aria-hidden", "true");
  editor.classList.add("live");
  editor.prepend(gutter, layer);
  document.getElementById("check")?.setAttribute("hidden", "");
  if (status) status.hidden = false;

  const TOKENS = /(^\s*#.*$)|(^\s*%(?:if|ifarch|ifnarch|ifos|ifnos|elif|elifarch|else|endif|define|include)\b)|(^\s*(?::[A-Za-z]+\s*$|[A-Za-z]+:))|(%\{[^}]*\}?|%\(?[A-Za-z_]\w*\)?)|((?<=[\s:])[!-][\w.+:-]+)/g;
  const CLASSES = ["c", "i", "k", "m", "n"];
  const paintLine = (text) => {
    const line = make("div");
    let at = 0;
    for (const match of text.matchAll(TOKENS)) {
      const kind = match.slice(1).findIndex((group) => group !== undefined);
      if (match.index > at) line.append(text.slice(at, match.index));
      line.append(make("span", CLASSES[kind], match[0]));
      at = match.index + match[0].length;
    }
    line.append(text.slice(at) || (at === 0 ? "\u200b" : ""));
    return line;
  };

  let shown = [];
  const paint = () => {
    const lines = area.value.split("\n");
    let head = 0, tail = 0;
    while (head < shown.length && head < lines.length && shown[head] === lines[head]) head += 1;
    while (tail < shown.length - head && tail < lines.length - head
      && shown[shown.length - 1 - tail] === lines[lines.length - 1 - tail]) tail += 1;
    for (let count = shown.length - tail - head; count > 0; count -= 1) layer.children[head].remove();
    const before = layer.children[head] || null;
    for (const line of lines.slice(head, lines.length - tail)) layer.insertBefore(paintLine(line), before);
    while (gutter.children.length > lines.length) gutter.lastChild.remove();
    while (gutter.children.length < lines.length) gutter.append(make("div", "", String(gutter.children.length + 1)));
    shown = lines;
    scroll();
  };
  const scroll = () => {
    layer.scrollTop = gutter.scrollTop = area.scrollTop;
    layer.scrollLeft = area.scrollLeft;
  };

  // --- findings
  let findings = [];
  const lineOf = (place) => area.value.slice(0, place).split("\n").length;
  const rangeOf = (start, end) => {
    const range = document.createRange();
    const place = (offset) => {
      const line = lineOf(offset);
      let left = offset - (offset === 0 ? 0 : area.value.lastIndexOf("\n", offset - 1) + 1);
      const walker = document.createTreeWalker(layer.children[line - 1], NodeFilter.SHOW_TEXT);
      let node = walker.nextNode();
      while (node && left > node.length) {
        left -= node.length;
        node = walker.nextNode();
      }
      return [node, Math.min(left, node ? node.length : 0)];
    };
    const [from, to] = [place(start), place(end)];
    if (!from[0] || !to[0]) return null;
    range.setStart(...from);
    range.setEnd(...to);
    return range;
  };
  const mark = () => {
    for (const number of gutter.children) number.className = "";
    const ranges = { error: [], warning: [], hint: [] };
    const bytes = new TextEncoder().encode(area.value), decoder = new TextDecoder();
    const index = (offset) => decoder.decode(bytes.subarray(0, offset)).length;
    for (const finding of findings) {
      const number = gutter.children[finding.line - 1];
      const grade = ranges[finding.grade] ? finding.grade : "hint";
      if (number && !(number.className === "error")) number.className = grade;
      if (number) number.title = finding.message;
      const start = index(finding.start);
      const range = rangeOf(start, Math.max(start + 1, index(finding.end)));
      if (range) ranges[grade].push(range);
    }
    if (window.CSS?.highlights && window.Highlight) {
      for (const [grade, found] of Object.entries(ranges)) CSS.highlights.set(`finding-${grade}`, new Highlight(...found));
    }
  };
  const count = (number, word) => (number === 0 ? "" : `${number} ${word}${number === 1 ? "" : "s"}`);
  const describe = () => {
    const of = (grade) => findings.filter((finding) => finding.grade === grade).length;
    const words = ["error", "warning", "hint"].map((grade) => count(of(grade), grade)).filter(Boolean);
    summary.textContent = words.length === 0 ? "Nothing is odd about it." : `${words.join(", ")}.`;
    list.replaceChildren(...findings.map((finding) => {
      const item = make("li", finding.grade);
      const link = make("a", "", `line ${finding.line}`);
      link.href = `?line=${finding.line}#text`;
      link.dataset.line = finding.line;
      item.append(link, " ", make("span", "grade", finding.grade), `: ${finding.message}`);
      if (finding.help) item.append(make("div", "dim", finding.help));
      return item;
    }));
  };
  const atCursor = () => {
    const line = lineOf(area.selectionStart);
    for (const number of gutter.querySelectorAll(".here")) number.classList.remove("here");
    gutter.children[line - 1]?.classList.add("here");
    if (!status) return;
    const here = findings.filter((finding) => finding.line === line);
    const text = here.map((finding) => `${finding.grade}: ${finding.message}${finding.help ? ` (${finding.help})` : ""}`);
    const words = text.length === 0 ? `Line ${line}: nothing odd.` : `Line ${line}: ${text.join(" ")}`;
    if (status.textContent !== words) status.textContent = words;
  };

  let timer = 0, asked = 0;
  const check = async () => {
    const number = (asked += 1), text = area.value;
    const answer = await fetch(editor.dataset.check, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text }),
    }).catch(() => null);
    if (number !== asked || text !== area.value) return;
    if (!answer || !answer.ok) {
      summary.textContent = "The server can not be asked at the moment.";
      return;
    }
    findings = (await answer.json()).findings;
    editor.dataset.checked = String(number);
    mark();
    describe();
    atCursor();
  };

  area.addEventListener("input", () => {
    paint();
    findings = [];
    mark();
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  });
  area.addEventListener("scroll", scroll);
  document.addEventListener("selectionchange", () => { if (document.activeElement === area) atCursor(); });

  const goTo = (line) => {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start);
    const height = layer.scrollHeight / Math.max(lines.length, 1);
    area.scrollTop = Math.max(0, (line - 4) * height);
    atCursor();
  };
  list.addEventListener("click", (event) => {
    const line = event.target.closest("a")?.dataset.line;
    if (!line) return;
    event.preventDefault();
    goTo(Number(line));
  });

  // --- what would this change?
  const form = document.getElementById("config-form"), impact = document.getElementById("impact");
  document.getElementById("try")?.addEventListener("click", async (event) => {
    event.preventDefault();
    const button = event.currentTarget;
    button.disabled = true;
    impact.replaceChildren(make("p", "dim", "Every package is planned with both configurations…"));
    const fields = new URLSearchParams(new FormData(form));
    fields.set("do", "impact");
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById("impact");
      if (!found) throw new Error(page.querySelector("main")?.textContent || answer.statusText);
      impact.replaceChildren(...[...found.childNodes].map((node) => document.importNode(node, true)));
      document.getElementById("impact-title")?.focus();
    } catch (error) {
      impact.replaceChildren(make("p", "error", `That could not be found out: ${error.message}`));
    }
    button.disabled = false;
  });

  // Who leaves with a text that is not saved is asked.
  const begun = area.defaultValue;
  let leaves = false;
  form.addEventListener("submit", () => { leaves = true; });
  addEventListener("beforeunload", (event) => { if (!leaves && area.value !== begun) event.preventDefault(); });

  window.kilnEditor = { area, editor, rangeOf, lineElement: (offset) => layer.children[lineOf(offset) - 1] };

  paint();
  check();
  const line = Number(new URLSearchParams(location.search).get("line"));
  if (line > 0) goTo(line);
})();

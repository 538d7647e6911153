(() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const root = document.documentElement;
  root.classList.add("scripted");
  const showTheme = () => { button.textContent = `Theme: ${root.dataset.theme}`; };
  if (!themes.includes(root.dataset.theme)) root.dataset.theme = "auto";
  button.hidden = false;
  showTheme();
  button.addEventListener("click", () => {
    root.dataset.theme = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    try { localStorage.setItem("edgecomp-theme", root.dataset.theme); } catch (error) { /* files may have no storage */ }
    showTheme();
  });

  for (const table of all("table.layers, table.shared")) {
    const heads = all("thead th", table);
    const body = table.tBodies[0];
    const original = [...body.rows];
    heads.forEach((head, column) => {
      const control = document.createElement("button");
      control.type = "button";
      control.className = "sort";
      control.append(...head.childNodes);
      head.append(control);
      control.addEventListener("click", () => {
        const first = head.dataset.sort === "text" || column === 0 ? "ascending" : "descending";
        const second = first === "ascending" ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort");
        const order = now === null ? first : now === first ? second : null;
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        if (order === null) { body.append(...original); return; }
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const value = (row) => head.dataset.sort === "text" ? row.cells[column].textContent.trim() : Number(row.cells[column].dataset.value);
        const compare = (a, b) => typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
        body.append(...[...original].sort((a, b) => sign * compare(value(a), value(b))));
      });
    });
  }

  const tip = document.getElementById("tip");
  let owner = null;
  const hideTip = () => { tip.hidden = true; owner = null; };
  const showTip = (element) => {
    const box = element.getBoundingClientRect();
    owner = element;
    tip.textContent = element.dataset.tip;
    tip.hidden = false;
    const gap = 10;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), window.innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - gap;
    const top = above > 8 ? above : Math.min(box.bottom + gap, window.innerHeight - tip.offsetHeight - 8);
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  };
  for (const mark of all(".mark")) {
    const title = mark.querySelector("title");
    mark.dataset.tip = title.textContent.trim();
    mark.setAttribute("aria-label", mark.dataset.tip);
    title.remove();
  }
  const light = (element, isLit) => {
    const run = element.closest("[data-run]");
    if (!run || element.dataset.layer === undefined) return;
    for (const each of all(`[data-run="${run.dataset.run}"] [data-layer="${element.dataset.layer}"]`)) each.classList.toggle("lit", isLit);
  };
  const watch = (element) => {
    const enter = () => { light(element, true); if (element.dataset.tip) showTip(element); };
    const leave = () => { light(element, false); hideTip(); };
    element.addEventListener("pointerenter", enter);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("focus", enter);
    element.addEventListener("blur", leave);
  };
  all("[data-tip], [data-layer]").forEach(watch);
  addEventListener("scroll", () => { if (owner !== null && owner === document.activeElement) showTip(owner); else hideTip(); }, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

  for (const plot of all(".plot svg")) {
    const marks = all(".mark", plot);
    const inOrder = [...marks].sort((a, b) => Number(a.dataset.layer ?? -1) - Number(b.dataset.layer ?? -1));
    inOrder.forEach((mark, at) => mark.setAttribute("tabindex", at === 0 ? "0" : "-1"));
    plot.addEventListener("keydown", (event) => {
      const at = inOrder.indexOf(document.activeElement);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = event.key === "Home" ? 0 : event.key === "End" ? inOrder.length - 1 : step && at + step;
      if (at < 0 || next === undefined || !inOrder[next]) return;
      event.preventDefault();
      inOrder[at].setAttribute("tabindex", "-1");
      inOrder[next].setAttribute("tabindex", "0");
      inOrder[next].focus();
    });
  }

  const links = new Map(all(".sections a").map((link) => [link.hash.slice(1), link]));
  const bar = document.querySelector(".sections ul");
  let current = null;
  const mark = (id) => {
    if (id === current) return;
    links.get(current)?.removeAttribute("aria-current");
    current = id;
    const link = links.get(id);
    link.setAttribute("aria-current", "true");
    bar.scrollLeft = link.offsetLeft - bar.clientWidth / 2 + link.offsetWidth / 2;
  };
  const sections = all("main > section");
  const follow = () => {
    const passed = sections.filter((section) => section.getBoundingClientRect().top <= 120);
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 4;
    mark((atEnd ? sections.at(-1) : passed.at(-1) ?? sections[0]).id);
  };
  addEventListener("scroll", follow, { passive: true });
  follow();
})();

// What test_browser.py asks of a page, as members of `probe`.
const probe = {
  // The three texts with least contrast to what is behind them: [ratio, text, class].
  leastContrast() {
    const parse = (text) => {
      const numbers = text.match(/[\d.]+/g).map(Number);
      const scale = text.startsWith("color(srgb") ? 255 : 1;
      return [...numbers.slice(0, 3).map((value) => value * scale), numbers[3] ?? 1];
    };
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
    const light = (rgb) => {
      const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
      return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.textContent.trim();
      if (!text || element.closest("svg, script, style, .unseen, [hidden]") || !element.checkVisibility()) continue;
      const ground = behind(element);
      const ink = over(parse(getComputedStyle(element).color), ground);
      const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
      found.push([(a + 0.05) / (b + 0.05), text.slice(0, 30), element.className]);
    }
    return found.sort((x, y) => x[0] - y[0]).slice(0, 3);
  },

  // What reaches over the window's left or right edge.
  beyondTheEdge() {
    return [...document.querySelectorAll("body *")].filter((element) => {
      if (element.closest(".sections, .unseen, .skip-link, #tip") || !element.checkVisibility()) return false;
      const box = element.getBoundingClientRect();
      return box.width > 0 && (box.right > window.innerWidth + 1 || box.left < -1);
    }).slice(0, 5).map((element) => `${element.tagName}.${element.getAttribute("class")}: ${element.textContent.trim().slice(0, 30)}`);
  },

  // Texts of which a part is cut off.
  clippedText() {
    return [...document.querySelectorAll("main *")].filter((element) => {
      const style = getComputedStyle(element);
      const holdsText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      return holdsText && style.overflow !== "visible" && !element.closest(".unseen") &&
        (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
    }).slice(0, 5).map((element) => element.textContent.trim().slice(0, 40));
  },

  // What has the focus, and whether it stands behind what had it before; null for nothing.
  focused() {
    const at = document.activeElement;
    if (at === document.body) return null;
    window.stops = window.stops || [];
    const before = window.stops.at(-1);
    const box = at.getBoundingClientRect();
    window.stops.push(at);
    return {
      what: at.matches(".sections a") ? "section" : at.id || at.getAttribute("class") || at.tagName.toLowerCase(),
      chart: at.closest("svg") ? at.closest("svg").getAttribute("aria-label") : null,
      in_order: !before || Boolean(before.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING),
      is_seen: box.width > 0 && box.bottom > 0 && box.top < window.innerHeight,
      name: (at.getAttribute("aria-label") || at.textContent).trim(),
    };
  },
};

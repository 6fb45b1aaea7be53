// Checks a page as it is shown; returns what is wrong, one line each.
() => {
  const wrong = [];
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const parse = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3).map((each) => channel(each / 255)), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const luminance = ({ rgb }) => 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color.alpha > 0) return color;
    }
    return parse("rgb(255,255,255)");
  };
  const shown = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1;
  const describe = (element) => `${element.tagName.toLowerCase()} "${element.textContent.trim().slice(0, 40)}"`;

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !shown(element)) continue;
    const pair = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    checked += 1;
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${describe(element)}`);
  }
  if (checked < 5) wrong.push(`only ${checked} texts seen`);

  for (const element of document.querySelectorAll("button, a[href], input")) {
    if (!shown(element)) continue;
    const label = element.labels && element.labels[0] ? element.labels[0].textContent : "";
    if (!(element.textContent.trim() || element.getAttribute("aria-label") || label)) wrong.push(`no name: ${element.outerHTML}`);
    const box = element.getBoundingClientRect();
    if (element.tagName === "BUTTON" && (box.height < 24 || box.width < 24)) wrong.push(`too small: ${describe(element)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => wrong.push(`id twice: ${id}`));
  for (const element of document.querySelectorAll("[aria-labelledby]")) {
    if (!document.getElementById(element.getAttribute("aria-labelledby"))) wrong.push(`label missing: ${element.outerHTML}`);
  }
  if (!document.documentElement.lang) wrong.push("no language");
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  let last = 1;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (!shown(heading)) continue;
    const level = Number(heading.tagName[1]);
    if (level > last + 1) wrong.push(`heading skips to ${level}: ${describe(heading)}`);
    last = level;
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) wrong.push("scrolls sideways");
  return wrong;
}

// What tests ask of the page; an object of functions, evaluated in it.
({
  /** Pixels of a canvas that have the colour of the pen. */
  ink(sheet) {
    const canvas = document.querySelector(sheet);
    const pen = getComputedStyle(canvas).getPropertyValue("--pen").trim();
    const wanted = [1, 3, 5].map((i) => parseInt(pen.slice(i, i + 2), 16));
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) {
      const far = wanted.reduce((sum, value, k) => sum + Math.abs(data[i + k] - value), 0);
      if (data[i + 3] > 200 && far < 12) n++;
    }
    return n;
  },

  /** How many pixels of ink the middle column has, halves counted as halves. */
  thickness(sheet) {
    const canvas = document.querySelector(sheet), side = canvas.width;
    const { data } = canvas.getContext("2d").getImageData(side >> 1, 0, 1, side);
    let sum = 0;
    for (let i = 3; i < data.length; i += 4) sum += data[i] / 255;
    return sum;
  },

  /** Controls and pictures without a name. */
  nameless() {
    const byIds = (ids) => (ids || "").split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "").join("");
    const named = (e) => e.getAttribute("aria-label") || byIds(e.getAttribute("aria-labelledby"))
      || [...(e.labels ?? [])].map((label) => label.textContent).join("").trim()
      || e.textContent.trim();
    const every = "a, button, input, select, canvas[tabindex], [role=img], [role=group]";
    return [...document.querySelectorAll(every)]
      .filter((e) => e.checkVisibility() && !named(e)).map((e) => e.outerHTML.slice(0, 120));
  },

  /** Texts whose contrast is below WCAG AA: 4.5, large ones 3. */
  faint() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const over = (colour, under) => {
      for (const each of [`rgb(${under})`, colour]) {
        context.fillStyle = each;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const ground = (e) => {
      const colours = [];
      for (let at = e; at; at = at.parentElement) {
        colours.unshift(getComputedStyle(at).backgroundColor);
      }
      return colours.reduce((under, colour) => over(colour, under), [255, 255, 255]);
    };
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = (rgb) => rgb.map((v) => linear(v / 255))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const passed = ":disabled, .hidden-text, .skip, .is-off, .emoji, option";
    const faint = [];
    for (const e of document.querySelectorAll("main *, header *")) {
      const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (!says || !e.checkVisibility({ opacityProperty: true }) || e.closest(passed)) continue;
      const style = getComputedStyle(e);
      const under = ground(e);
      const colour = e instanceof SVGElement ? style.fill : style.color;
      const [a, b] = [light(over(colour, under)), light(under)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.7 && style.fontWeight >= 700);
      if (ratio >= (isLarge ? 3 : 4.5)) continue;
      faint.push(`${ratio.toFixed(2)} ${e.className} ${e.textContent.slice(0, 40)}`);
    }
    return faint;
  },
})

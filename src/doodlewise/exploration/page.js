// Countries by their names, in the reader's browser.
for (const cell of document.querySelectorAll("#countries td.word")) {
  const code = cell.dataset.value;
  if (/^[A-Z]{2}$/.test(code)) {
    try {
      const name = new Intl.DisplayNames(["en"], { type: "region" }).of(code);
      if (name !== code) cell.textContent = `${name} (${code})`;
    } catch { /* an invented code stays as it is */ }
  }
}

// Where the reader is.
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id).setAttribute("aria-current", "true");
  }
}, { rootMargin: "-15% 0px -75% 0px" });
for (const id of links.keys()) seen.observe(document.getElementById(id));

// The map: the nearest row under the pointer, and one class at a time.
const map = document.querySelector(".map");
if (map) {
  const { x, y, labels, classes, colours, tile, columns } =
    JSON.parse(document.getElementById("map-rows").textContent);
  const plane = map.querySelector(".plane"), overlay = plane.querySelector("canvas");
  const tip = map.querySelector(".tip"), large = tip.querySelector("canvas");
  const atlas = map.querySelector(".atlas");
  const order = [...x.keys()].sort((a, b) => x[a] - x[b]);
  let chosen = -1, current = -1;

  const draw = () => {
    const side = overlay.width = overlay.height = plane.clientWidth * devicePixelRatio;
    const pen = overlay.getContext("2d"), dot = side / 190;
    const circle = (row, radius) => {
      pen.beginPath();
      pen.arc(x[row] * side, y[row] * side, radius, 0, 2 * Math.PI);
    };
    map.classList.toggle("chosen", chosen >= 0);
    for (const row of order) {
      if (labels[row] !== chosen) continue;
      circle(row, dot);
      pen.fillStyle = colours[chosen];
      pen.fill();
    }
    if (current >= 0) {
      circle(current, 2.2 * dot);
      pen.lineWidth = dot / 1.5;
      pen.strokeStyle = getComputedStyle(map).getPropertyValue("--orange");
      pen.stroke();
    }
  };
  const show = (row) => {
    current = row;
    tip.hidden = row < 0;
    draw();
    if (row < 0) return;
    const [width, height] = tile;
    [large.width, large.height] = tile;
    large.getContext("2d").drawImage(
      atlas, (row % columns) * width, Math.floor(row / columns) * height, width, height,
      0, 0, width, height,
    );
    tip.querySelector("output").textContent = classes[labels[row]];
    const room = plane.clientWidth, left = x[row] * room, top = y[row] * room;
    tip.style.left = `${left + 14 + tip.offsetWidth > room ? left - tip.offsetWidth - 14 : left + 14}px`;
    tip.style.top = `${Math.max(0, Math.min(top - tip.offsetHeight / 2, room - tip.offsetHeight))}px`;
    if (tip.offsetLeft < 0) tip.style.left = "0px";
  };
  const nearest = (event) => {
    const box = plane.getBoundingClientRect();
    const px = (event.clientX - box.left) / box.width, py = (event.clientY - box.top) / box.height;
    let best = -1, least = 0.03 ** 2;
    for (const row of order) {
      if (chosen >= 0 && labels[row] !== chosen) continue;
      const distance = (x[row] - px) ** 2 + (y[row] - py) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    show(best);
  };
  plane.addEventListener("pointermove", nearest);
  plane.addEventListener("pointerdown", nearest);
  plane.addEventListener("pointerleave", () => show(-1));
  plane.addEventListener("blur", () => show(-1));
  plane.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = order.filter((row) => chosen < 0 || labels[row] === chosen);
    const at = rows.indexOf(current);
    show(rows[at < 0 ? 0 : (at + step + rows.length) % rows.length]);
  });
  for (const item of map.querySelectorAll(".legend span")) {
    const button = document.createElement("button"), label = Number(item.dataset.label);
    button.type = "button";
    button.textContent = item.textContent;
    button.style.setProperty("--c", colours[label]);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      chosen = chosen === label ? -1 : label;
      for (const other of map.querySelectorAll(".legend button")) {
        other.setAttribute("aria-pressed", String(other === button && chosen >= 0));
      }
      show(-1);
    });
    item.replaceWith(button);
  }
  addEventListener("resize", draw);
}

/** @file Elements by code: nothing that a person or a server wrote is ever read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} id @returns {any} the element of the page with this id */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [given] attributes; `on…` are listeners, `text` the text,
 *   `style` custom properties and others, set one by one (a style attribute would break the CSP)
 * @param {...(Node|string|null|undefined)} children
 * @returns {any}
 */
export function h(tag, given = {}, ...children) {
  return filled(document.createElement(tag), given, children);
}

/** The same for SVG. @returns {any} */
export function s(tag, given = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), given, children);
}

/** One of the icons in the page's sprite. @param {string} name */
export function icon(name) {
  return s("svg", { class: "icon", "aria-hidden": "true", focusable: "false" },
    s("use", { href: `#i-${name}` }));
}

/** A button with an icon and its words. */
export function button(name, words, given = {}) {
  return h("button", { type: "button", ...given }, name && icon(name), h("span", { text: words }));
}

/** Show this and nothing else inside. @param {Element} element */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((each) => each !== null && each !== undefined));
}

function filled(element, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "style") {
      for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    } else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((each) => each !== null && each !== undefined && each !== ""));
  return element;
}

/** @file Paper or blackboard: as the system says, until somebody chooses. */

import { byId } from "./dom.js";

const KEY = "doodlewise-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function startTheme() {
  const toggle = byId("theme");
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch { /* a browser that keeps nothing */ }

  const apply = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    toggle.setAttribute("aria-label", dark ? "Switch to paper (light)" : "Switch to blackboard (dark)");
    toggle.title = toggle.getAttribute("aria-label");
    document.dispatchEvent(new Event("themechange"));
  };
  toggle.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      if ((chosen === "dark") === system.matches) {
        localStorage.removeItem(KEY);
        chosen = null;
      } else localStorage.setItem(KEY, chosen);
    } catch { /* likewise */ }
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

/** Whether somebody asked their system for less motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

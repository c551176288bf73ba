// The slider of epsilon, and one bar a model: what is proved, what is open, what is broken.

import { element } from "./elements.js";

const TONES = ["pass", "fail", "inconclusive", "not-run"];

export class Radius {
  constructor(ruler, slider, output, names, end) {
    Object.assign(this, { ruler, slider, output, end });
    slider.max = end;
    slider.step = end / 100;
    slider.value = end / 5;
    this.rows = names.map((name) => this.row(name));
    slider.addEventListener("input", () => this.update());
    this.reset();
  }

  row(name) {
    const row = {
      name,
      word: element("span", { className: "verdict-word" }),
      numbers: element("span", { className: "numbers" }),
      proved: element("span", { className: "proved" }),
      broken: element("span", { className: "broken" }),
    };
    const all = element("span", { className: "all" }, row.proved, row.broken);
    const zones = element("div", { className: "zones" }, all, element("span", { className: "at" }));
    zones.setAttribute("aria-hidden", "true");
    const title = element("p", {}, element("b", { text: `${name} ` }), row.word);
    row.root = element("div", { className: "model" }, title, row.numbers, zones);
    this.ruler.append(row.root);
    return row;
  }

  // Of a new image nothing is known.
  reset() {
    const nothing = { state: "none", radius: null, attack: null, wrong: "" };
    for (const row of this.rows) Object.assign(row, nothing);
    this.update();
  }

  // The answer is known to be wrong: nothing about it is shown as proved.
  setWrong(place, label) {
    this.rows[place].wrong = label;
    this.update();
  }

  // `state`: "none", "busy", "done", or "unavailable".
  setProof(place, state, radius = null) {
    Object.assign(this.rows[place], { state, radius });
    this.update();
  }

  // The answer of an attack: its distance is null where nothing was found.
  setAttack(place, distance, answer) {
    this.rows[place].attack = { distance, answer };
    this.update();
  }

  update() {
    const epsilon = Number(this.slider.value);
    this.output.textContent = epsilon.toFixed(3);
    this.ruler.style.setProperty("--at", epsilon / this.end);
    for (const row of this.rows) {
      const distance = row.attack?.distance ?? null;
      const proved = row.wrong ? 0 : (row.radius ?? 0);
      row.root.classList.toggle("busy", row.state === "busy");
      row.proved.style.transform = `scaleX(${Math.min(1, proved / this.end)})`;
      const broken = distance === null ? 0 : Math.max(0, 1 - distance / this.end);
      row.broken.style.transform = `scaleX(${broken})`;
      row.numbers.textContent = numbers(row, distance);
      const [tone, word] = verdict(row, distance, epsilon);
      row.root.classList.remove(...TONES);
      row.root.classList.add(tone);
      row.word.textContent = word;
    }
    const [tone, word] = verdict(this.rows[0], this.rows[0].attack?.distance ?? null, epsilon);
    this.slider.classList.remove(...TONES);
    this.slider.classList.add(tone);
    this.slider.setAttribute("aria-valuetext", `${epsilon.toFixed(3)}, ${this.rows[0].name}: ${word}`);
  }
}

function numbers({ state, radius, attack }, distance) {
  const words = [];
  if (state === "done") words.push(radius > 0 ? `proved up to ${radius}` : "nothing proved");
  if (state === "unavailable") words.push("no certificate for this network");
  if (distance !== null) words.push(`broken at ${distance}`);
  if (attack && distance === null) words.push("no attack succeeded");
  return words.join(", ");
}

function verdict({ state, radius, attack, wrong }, distance, epsilon) {
  if (wrong) return ["fail", `✕ misclassified: labelled ${wrong}`];
  if (state === "done" && radius > 0 && epsilon <= radius) return ["pass", "✓ proved safe"];
  if (distance !== null && epsilon >= distance) return ["fail", `✕ broken: ${attack.answer}`];
  if (state === "none" && !attack) return ["not-run", "not checked yet"];
  if (state === "busy") return ["not-run", "is being checked"];
  return ["inconclusive", "? open: neither proved nor broken"];
}

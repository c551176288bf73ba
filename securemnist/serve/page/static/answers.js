// One card a model: its answer, and a bar for each class (of more than ten, for the most probable).

import { element, percent } from "./elements.js";

const BARS = 10;

export class Card {
  constructor(name, classes) {
    this.name = name;
    this.classes = classes;
    this.answer = element("p", { className: "answer", text: "–" });
    this.bars = element("ol", { className: "bars" });
    const longest = Math.max(...classes.map((word) => word.length));
    this.bars.style.setProperty("--names", `${Math.min(longest, 12)}ch`);
    this.rows = classes.slice(0, BARS).map(() => this.row());
    this.title = element("h3", { text: name });
    this.root = element("article", { className: "card" }, this.title, this.answer, this.bars);
    this.clear();
  }

  row() {
    const parts = {
      name: element("span", { className: "name" }),
      bar: element("span", { className: "bar" }),
      value: element("span", { className: "value" }),
    };
    const track = element("span", { className: "track" }, parts.bar);
    parts.root = element("li", {}, parts.name, track, parts.value);
    this.bars.append(parts.root);
    return parts;
  }

  clear() {
    this.answer.textContent = "–";
    this.fill(this.classes.map((_, k) => k).slice(0, BARS), null, -1);
  }

  show({ label, probabilities }) {
    const share = probabilities ? element("span", { text: percent(probabilities[label]) }) : "";
    this.answer.replaceChildren(this.classes[label], share);
    let order = this.classes.map((_, k) => k);
    if (order.length > BARS && probabilities) {
      order.sort((a, b) => probabilities[b] - probabilities[a]);
    }
    if (order.length > BARS && !probabilities) order = [label];
    this.fill(order.slice(0, BARS), probabilities, label);
  }

  fill(order, probabilities, label) {
    this.rows.forEach((row, place) => {
      const k = order[place];
      row.root.hidden = k === undefined;
      if (k === undefined) return;
      row.name.textContent = row.name.title = this.classes[k];
      row.root.classList.toggle("first", k === label);
      const share = probabilities ? probabilities[k] : 0;
      row.bar.style.transform = `scaleX(${share})`;
      row.value.textContent = probabilities ? percent(share) : "";
    });
  }

  spoken({ label, probabilities }) {
    const share = probabilities ? `, ${percent(probabilities[label])}` : "";
    return `${this.name}: ${this.classes[label]}${share}`;
  }
}

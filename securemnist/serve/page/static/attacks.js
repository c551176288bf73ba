// What an attack found: the image, the changed image, their difference, and every model's answer.

import { element } from "./elements.js";
import { described, difference, picture } from "./pictures.js";

function figure(canvas, caption, words) {
  const text = element("figcaption", { text: words });
  return element("figure", {}, described(canvas, caption), text);
}

export function result(place, names, classes, before, found) {
  const name = element("h3", { text: names[place] });
  const old = classes[found.label];
  if (found.distance === null) {
    const text = `Nothing found: each image that was tried is still ${old}. That proves nothing.`;
    return element("article", { className: "card" }, name, element("p", { text }));
  }
  const now = classes[found.prediction];
  const change = difference(before, found.image);
  change.className = "change";
  const three = element(
    "div",
    { className: "three" },
    figure(picture(before), `The image, which ${names[place]} reads as ${old}`, old),
    figure(picture(found.image), `The changed image, which ${names[place]} reads as ${now}`, now),
    figure(change, "The difference, magnified", "difference, magnified"),
  );
  const words = element("p", {}, `Now reads `, element("b", { text: now }), ` instead of ${old}; `);
  words.append(`no pixel changed by more than ${found.distance}.`);
  const others = names
    .map((other, k) => `${other}: ${classes[found.predictions[k].label]}`)
    .filter((_, k) => k !== place);
  const parts = [name, three, words];
  if (others.length) {
    parts.push(element("p", { className: "quiet", text: `The same image for ${others.join(", ")}.` }));
  }
  return element("article", { className: "card" }, ...parts);
}

// Titles and notes of the page, by what the models take.

import { find } from "./elements.js";

// MNIST's box: 20 of 28 pixels.
const BOX = 20 / 28;

export function showWords({ classes, drawing, height, width }) {
  const digits = classes.length === 10 && classes.every((name, k) => name === String(k));
  const title = drawing ? `Draw ${digits ? "a digit" : "an image"}` : "Try an image";
  find("title").textContent = document.title = title;
  find("input-title").textContent = drawing ? "Your drawing" : "Image";
  find("attack").textContent = drawing ? "Attack my drawing" : "Attack this image";
  const form = `${height} × ${width}`;
  find("method").textContent = drawing
    ? `As the models get it, prepared as MNIST was: scaled into a box of ${Math.round(height * BOX)} ` +
      `pixels with its aspect kept, centre of mass in the middle of ${form}. Keyboard: arrow keys ` +
      "move, space puts the pen down and up, Delete clears."
    : `As the models get it: ${form} pixels. A file is resized to that, by linear interpolation.`;
}

export function testSource({ classes, data }, { place, truth }) {
  return `Test image ${place} of ${data}, labelled ${classes[truth]}.`;
}

// Images of the service as pictures, and what differs between two of them.

const LIGHTER = [217, 119, 6];
const DARKER = [59, 108, 201];

// The bytes of an image {channels, height, width, pixels}, channel by channel.
export function bytesOf(image) {
  return Uint8Array.from(atob(image.pixels), (letter) => letter.charCodeAt(0));
}

// A canvas of the image's size; grey, or its first three channels.
export function picture(image) {
  const values = bytesOf(image);
  const plane = image.height * image.width;
  const at = image.channels >= 3 ? [0, plane, 2 * plane] : [0, 0, 0];
  return painted(image, (k) => [...at.map((start) => values[start + k]), 255]);
}

// The change of each pixel at full strength: orange lighter, blue darker, none clear.
export function difference(before, after) {
  const [old, now] = [bytesOf(before), bytesOf(after)];
  const plane = before.height * before.width;
  const changes = new Float64Array(plane);
  now.forEach((value, k) => (changes[k % plane] += value - old[k]));
  const most = changes.reduce((largest, change) => Math.max(largest, Math.abs(change)), 1);
  return painted(before, (k) => {
    const colour = changes[k] > 0 ? LIGHTER : DARKER;
    return [...colour, (255 * Math.abs(changes[k])) / most];
  });
}

function painted({ width, height }, colour) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const data = context.createImageData(width, height);
  for (let k = 0; k < width * height; k += 1) data.data.set(colour(k), 4 * k);
  context.putImageData(data, 0, 0);
  return canvas;
}

export function described(canvas, text) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
  return canvas;
}

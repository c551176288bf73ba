// The drawing surface: strokes by mouse, finger, pen or keyboard, in units of the side.

const STEPS = 28; // steps of the keyboard's cursor along a side
const WIDTH = 2.6 / STEPS; // of a stroke, as wide as MNIST's where a digit fills the surface
const SENT = 140; // points a side of the grid that is sent
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Sketch {
  // `changed()` after each change, `say(text)` for a screen reader. Inactive, it only shows pictures.
  constructor(canvas, cursor, active, changed, say) {
    Object.assign(this, { canvas, cursor, changed, say });
    this.strokes = [];
    this.at = [STEPS / 2, STEPS / 2];
    this.down = false;
    this.shown = null; // a picture in place of the strokes
    this.small = new OffscreenCanvas(SENT, SENT);
    if (active) this.listen();
    this.redraw();
  }

  get empty() {
    return this.strokes.length === 0;
  }

  // The brightness of each point, row by row.
  grid() {
    const context = this.small.getContext("2d", { willReadFrequently: true });
    this.paint(context, SENT);
    const pixels = context.getImageData(0, 0, SENT, SENT).data;
    return Uint8Array.from({ length: SENT * SENT }, (_, k) => pixels[4 * k]);
  }

  undo() {
    this.shown = null;
    this.strokes.pop();
    this.lift();
    this.update();
  }

  clear() {
    this.shown = null;
    this.strokes = [];
    this.lift();
    this.update();
  }

  // Show a picture; the next stroke begins a new drawing.
  show(picture) {
    this.strokes = [];
    this.lift();
    this.shown = picture;
    this.redraw();
  }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.lift();
      this.begin(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.pointer) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) this.extend(this.place(one));
      this.update();
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        if (event.pointerId === this.pointer) this.pointer = undefined;
      });
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.move([0, 0], canvas.matches(":focus-visible")));
    canvas.addEventListener("blur", () => {
      this.lift();
      this.cursor.hidden = true;
    });
  }

  key(event) {
    if (event.altKey || event.metaKey) return;
    if (event.ctrlKey) {
      if (event.key !== "z") return;
      this.undo();
      this.say("last stroke removed");
    } else if (event.key in ARROWS) {
      this.move(ARROWS[event.key], true);
    } else if (event.key === " ") {
      if (!event.repeat) this.toggle();
    } else if (event.key === "Delete") {
      this.clear();
      this.say("cleared");
    } else return;
    event.preventDefault();
  }

  toggle() {
    this.down = !this.down;
    this.cursor.classList.toggle("down", this.down);
    if (this.down) this.begin(this.at.map((value) => value / STEPS));
    this.say(`pen ${this.down ? "down" : "up"}, ${this.where()}`);
  }

  move([right, down], visible) {
    const inside = (value) => Math.min(STEPS, Math.max(0, value));
    this.at = [inside(this.at[0] + right), inside(this.at[1] + down)];
    this.cursor.hidden = !visible;
    this.cursor.style.left = `${(100 * this.at[0]) / STEPS}%`;
    this.cursor.style.top = `${(100 * this.at[1]) / STEPS}%`;
    if (right === 0 && down === 0) return;
    if (this.down) {
      this.extend(this.at.map((value) => value / STEPS));
      this.update();
    }
    this.say(this.where());
  }

  where() {
    return `column ${this.at[0]}, row ${this.at[1]} of ${STEPS}`;
  }

  lift() {
    this.down = false;
    this.cursor.classList.remove("down");
  }

  begin(place) {
    this.shown = null;
    this.strokes.push([place]);
    this.update();
  }

  extend(place) {
    this.strokes.at(-1)?.push(place);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  update() {
    this.redraw();
    this.changed();
  }

  redraw() {
    const context = this.canvas.getContext("2d");
    this.paint(context, this.canvas.width);
    if (!this.shown) return;
    const { width, height } = this.shown;
    const scale = this.canvas.width / Math.max(width, height);
    const size = [width * scale, height * scale];
    context.imageSmoothingEnabled = scale < 4;
    context.drawImage(this.shown, ...size.map((length) => (this.canvas.width - length) / 2), ...size);
  }

  paint(context, side) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, side, side);
    Object.assign(context, { strokeStyle: "#fff", lineCap: "round", lineJoin: "round" });
    context.lineWidth = WIDTH * side;
    for (const [first, ...others] of this.strokes) {
      context.beginPath();
      // Lines of length 0 are not drawn; a dot is a very short one.
      context.moveTo(first[0] * side + 0.01, first[1] * side);
      for (const [x, y] of [first, ...others]) context.lineTo(x * side, y * side);
      context.stroke();
    }
  }
}

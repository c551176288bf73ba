// The page: images come from a drawing, a file or the test split; answers, proofs and attacks follow.

import { Card } from "./answers.js";
import { result } from "./attacks.js";
import { find } from "./elements.js";
import { bytesOf, described, picture } from "./pictures.js";
import { Radius } from "./radius.js";
import { ask, askPatiently, signIn } from "./service.js";
import { Sketch } from "./sketch.js";
import { showWords, testSource } from "./words.js";

const BETWEEN = 100; // milliseconds between the requests of a stroke
const PAUSE = 700; // without a change, until proofs begin
const GREY_END = 0.5; // largest epsilon of the slider
const COLOUR_END = 0.1;
const ENDED = "Your session has ended. Sign in again.";
const UNKNOWN = "The service does not know this token. Each start without a file of tokens prints a new one.";
const NO_COOKIE = "The token is right, but the browser keeps no cookie of this page: it needs HTTPS, or localhost.";

let offer, sketch, cards, radius, names;
let image = null; // what was classified last
let version = 0; // of the image on the page
let classifying = false;
let outdated = false;
let proving = false;
let timer;

// `signedOut` is shown for 401: the service's own sentence is about a header, which no visitor sends.
function trouble(error, signedOut = ENDED) {
  const out = error?.status === 401;
  if (out) {
    find("bench").hidden = true;
    find("sign-in").hidden = false;
  }
  const text = out ? signedOut : (error?.message ?? "");
  find("trouble").textContent = text;
  find("trouble").hidden = text === "";
}

// A new image: what is known of the one before is not shown any more.
function changed() {
  version += 1;
  image = null;
  radius.reset();
  find("found").replaceChildren();
  find("attack").disabled = true;
  find("progress").textContent = "";
  clearTimeout(timer);
}

function empty() {
  for (const card of cards) card.clear();
  find("invitation").hidden = !offer.drawing || !sketch.empty;
  find("source").hidden = true;
  described(find("prepared"), "No image yet").width = 1;
}

function show(answer, source) {
  image = answer.image;
  cards.forEach((card, place) => {
    const { label } = answer.predictions[place];
    card.show(answer.predictions[place]);
    const wrong = answer.truth !== undefined && answer.truth !== label;
    if (wrong) radius.setWrong(place, offer.classes[answer.truth]);
  });
  const small = picture(image);
  const prepared = find("prepared");
  Object.assign(prepared, { width: small.width, height: small.height });
  prepared.getContext("2d").drawImage(small, 0, 0);
  described(prepared, "The image as the models get it");
  find("source").textContent = source;
  find("source").hidden = source === "";
  find("attack").disabled = false;
  const spoken = cards.map((card, place) => card.spoken(answer.predictions[place])).join("; ");
  timer = setTimeout(() => {
    find("spoken").textContent = spoken;
    prove();
  }, PAUSE);
}

async function classify(path, body, source) {
  changed();
  const mine = version;
  try {
    const answer = await askPatiently(path, body, () => mine === version);
    if (mine !== version) return;
    trouble(null);
    show(answer, source(answer));
    if (path !== "/page/drawing") {
      sketch.show(picture(answer.image));
      find("invitation").hidden = true;
    }
  } catch (error) {
    if (mine !== version) return;
    trouble(error);
    empty();
  }
}

// At most one request at a time, and the last state of the drawing is always sent.
async function drawn() {
  changed();
  find("invitation").hidden = true;
  if (sketch.empty) return empty();
  outdated = true;
  if (classifying) return undefined;
  classifying = true;
  while (outdated && !sketch.empty) {
    outdated = false;
    await classify("/page/drawing", sketch.grid(), () => "");
    await new Promise((resolve) => setTimeout(resolve, BETWEEN));
  }
  classifying = false;
  return undefined;
}

// Proofs one after another; of an image that is gone, no further one.
async function prove() {
  if (!offer.certificates || proving || !image) return;
  proving = true;
  const mine = version;
  const body = bytesOf(image);
  for (let place = 0; place < names.length && mine === version; place += 1) {
    radius.setProof(place, "busy");
    try {
      const path = `/page/certificate?model=${place}`;
      const { proved } = await askPatiently(path, body, () => mine === version);
      if (mine === version) radius.setProof(place, proved === null ? "unavailable" : "done", proved);
    } catch (error) {
      if (mine === version) {
        radius.setProof(place, "none");
        trouble(error);
      }
    }
  }
  proving = false;
  if (mine !== version) prove();
}

async function attack() {
  const mine = version;
  const body = bytesOf(image);
  const before = image;
  find("attack").disabled = true;
  find("found").replaceChildren();
  try {
    for (const place of names.keys()) {
      find("progress").textContent = `Attacking ${names[place]} …`;
      const found = await askPatiently(`/page/attack?model=${place}`, body, () => mine === version);
      if (mine !== version) return;
      find("found").append(result(place, names, offer.classes, before, found));
      const answer = found.distance === null ? "" : offer.classes[found.prediction];
      radius.setAttack(place, found.distance, answer);
    }
    find("progress").textContent = "Done.";
  } catch (error) {
    if (mine === version) {
      find("progress").textContent = "";
      trouble(error);
    }
  }
  if (mine === version) find("attack").disabled = false;
}

function surface() {
  const canvas = find("canvas");
  if (offer.drawing) {
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Drawing area");
    canvas.setAttribute("aria-describedby", "method");
    const say = (text) => (find("position").textContent = text);
    return new Sketch(canvas, find("cursor"), true, drawn, say);
  }
  described(canvas, "The image");
  return new Sketch(canvas, find("cursor"), false);
}

async function begin() {
  offer = await ask("/page/models");
  names = offer.models.map((model) => model.name);
  cards = names.map((name) => new Card(name, offer.classes));
  find("cards").replaceChildren(...cards.map((card) => card.root));
  const end = offer.drawing ? GREY_END : COLOUR_END;
  const [ruler, slider, output] = ["ruler", "epsilon", "epsilon-value"].map(find);
  ruler.querySelectorAll(".model").forEach((row) => row.remove());
  radius = new Radius(ruler, slider, output, names, end);
  sketch = surface();
  showWords(offer);
  for (const id of ["undo", "clear"]) find(id).hidden = !offer.drawing;
  find("test-image").hidden = offer.data === null;
  find("upload").hidden = !offer.upload;
  find("radius").hidden = !offer.certificates;
  find("attacks").hidden = !offer.attacks;
  find("sign-in").hidden = true;
  find("bench").hidden = false;
  empty();
}

async function signedIn(token) {
  let signedOut = ""; // without a token the form says enough
  try {
    if (token) {
      signedOut = UNKNOWN;
      await signIn(token);
      signedOut = NO_COOKIE;
    }
    await begin();
    trouble(null);
  } catch (error) {
    trouble(error, signedOut);
  }
}

find("undo").addEventListener("click", () => sketch.undo());
find("clear").addEventListener("click", () => sketch.clear());
find("test-image").addEventListener("click", () => {
  classify("/page/test-image", "", (answer) => testSource(offer, answer));
});
find("attack").addEventListener("click", attack);
find("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) classify("/page/picture", file, () => `Your file, ${file.name}.`);
  event.target.value = "";
});
find("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signedIn(find("token").value.trim());
});

// The link has the token behind #, which browsers do not send; it leaves the address at once.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
history.replaceState(null, "", location.pathname);
signedIn(token);

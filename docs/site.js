// What the theme leaves open for keyboards and screen readers.
const SCROLLING =
  ".md-typeset__scrollwrap, .md-typeset .output, .md-typeset p:has(> img[src$='.svg'])";

const repair = () => {
  // Buttons of a block of code are no landmark of the page.
  document.querySelectorAll(".md-code__nav").forEach((nav) => nav.setAttribute("role", "none"));
  // A table, picture or output that is wider than the window scrolls with the arrow keys, too.
  document.querySelectorAll(SCROLLING).forEach((wrap) => {
    const wide = wrap.scrollWidth > wrap.clientWidth;
    wide ? wrap.setAttribute("tabindex", "0") : wrap.removeAttribute("tabindex");
  });
};

new MutationObserver(repair).observe(document.body, { childList: true, subtree: true });
addEventListener("resize", repair);
// A picture has no width before it is loaded; its event does not bubble.
document.addEventListener("load", repair, true);
repair();

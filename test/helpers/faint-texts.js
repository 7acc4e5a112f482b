/**
 * Runs in a browser: texts whose contrast with the ground they stand on is below `least` (WCAG 2.1, relative luminance).
 * Texts in pictures are left out.
 */
(least) => {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = parse(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (parse(backgroundColor)[3] !== 0) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== '';
  return [...document.querySelectorAll('body *:not(svg *):not(script)')]
    .filter((element) => [...element.childNodes].some(isText) && element.getClientRects().length > 0)
    .filter((element) => {
      const both = [luminance(getComputedStyle(element).color), luminance(groundOf(element))];
      return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) < least;
    })
    .map(({ className, textContent }) => `${className}: ${textContent.slice(0, 40)}`);
};

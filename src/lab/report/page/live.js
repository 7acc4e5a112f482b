// Takes over sections as they change, without taking away what is open, scrolled or focused.

const ribbon = document.getElementById('live');
const AT_THE_END = 24;

function takeOver({ title, sections }) {
  if (title !== undefined) document.title = title;
  for (const [name, html] of Object.entries(sections)) replaceSection(document.getElementById(name), html);
  showCopyButtons();
}

function replaceSection(section, html) {
  const before = {
    folded: new Map([...section.querySelectorAll('details')].map((each) => [each.id, each.open])),
    popover: section.querySelector(':popover-open')?.id,
    focus: placeOf(document.activeElement, section),
    consoles: [...section.querySelectorAll('pre')].map(scrollOf),
  };
  section.innerHTML = html;
  for (const details of section.querySelectorAll('details')) {
    details.open = before.folded.get(details.id) ?? details.open;
  }
  for (const [i, pre] of [...section.querySelectorAll('pre')].entries()) {
    const top = before.consoles[i];
    // Whoever has scrolled up reads; everybody else wants to see what is new.
    pre.scrollTop = top === undefined || top === 'end' ? pre.scrollHeight : top;
  }
  if (before.popover !== undefined) document.getElementById(before.popover)?.showPopover();
  if (before.focus !== undefined) focusable(section)[before.focus]?.focus({ preventScroll: true });
}

const focusable = (section) => [...section.querySelectorAll('a[href], button, summary, pre[tabindex]')];

function placeOf(element, section) {
  const place = focusable(section).indexOf(element);
  return place < 0 ? undefined : place;
}

const scrollOf = (pre) =>
  pre.scrollHeight - pre.scrollTop - pre.clientHeight < AT_THE_END ? 'end' : pre.scrollTop;

function say(text, ended) {
  ribbon.textContent = text;
  ribbon.classList.toggle('ended', ended);
}

const source = new EventSource(`events${location.search}`);
source.addEventListener('open', () => say('Live. What is below changes while you look.', false));
source.addEventListener('change', (event) => takeOver(JSON.parse(event.data)));
source.addEventListener('end', () => {
  source.close();
  say('Ended. This is the last that was seen.', true);
});
source.addEventListener('error', () => {
  say(`Not live since ${new Date().toLocaleTimeString()}: nobody answers.`, true);
});
for (const pre of document.querySelectorAll('pre')) pre.scrollTop = pre.scrollHeight;

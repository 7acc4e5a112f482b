// What makes the page handier. Without it everything is still there: cells open by themselves, details unfold.

/** Opens the evidence that the address names. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.hasAttribute('popover') && !target.matches(':popover-open')) target.showPopover();
}

async function copyCommand(button) {
  const code = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'Copied';
  } catch {
    // Not allowed here: marked, so that one key does it.
    getSelection().selectAllChildren(code);
    button.textContent = 'Press Ctrl-C';
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 2000);
}

function showCopyButtons() {
  for (const button of document.querySelectorAll('button.copy')) button.hidden = false;
}

let closedForScreen = [];
addEventListener('beforeprint', () => {
  closedForScreen = [...document.querySelectorAll('details:not([open])')];
  for (const details of closedForScreen) details.open = true;
});
addEventListener('afterprint', () => {
  for (const details of closedForScreen) details.open = false;
});
addEventListener('click', (event) => {
  const button = event.target.closest('button.copy');
  if (button !== null) copyCommand(button);
});
addEventListener('hashchange', openTarget);
showCopyButtons();
openTarget();

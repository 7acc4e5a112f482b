/** The boot menu as GRUB reads it: templates of iso/boot-menu filled with values that cannot start a new command. */
import { join } from 'node:path';
import { packageRoot } from '../host/package-root.ts';
import { renderTemplate } from '../host/template.ts';
import { type BootMenu, ENTRY_DISK } from './boot-menu.ts';
import { MEDIUM } from './types.ts';

/** A file that only the EFI images of our media hold: "Boot from disk" leaves those alone. */
export const ESP_MARKER = 'EFI/slipway-medium';

/** `/boot/grub/grub.cfg` of the medium. */
export const renderBootMenu = (menu: BootMenu): string =>
  render('grub.cfg.ejs', { menu, diskId: ENTRY_DISK, espMarker: ESP_MARKER });

/** `/boot/grub/grub.cfg` inside the EFI image: finds its own medium by the build's id and reads the menu there. */
export const renderEspConfig = (buildId: string): string =>
  render('esp-grub.cfg.ejs', { idFile: MEDIUM.id(buildId) });

const render = (template: string, values: Readonly<Record<string, unknown>>): string =>
  renderTemplate(join(packageRoot(), 'iso', 'boot-menu', template), {
    ...values,
    paths: MEDIUM,
    word: grubWord,
    quote: grubQuote,
  });

/**
 * A bare word of GRUB's language: letters, digits and signs that mean nothing to its lexer (GRUB manual, "Quoting").
 * @throws {RangeError} for anything else.
 */
export function grubWord(value: string | number): string {
  const text = String(value);
  if (!/^[\w.,:=/+@%-]+$/.test(text)) throw new RangeError(`not a word for GRUB: ${JSON.stringify(text)}`);
  return text;
}

/**
 * Text in single quotes, where GRUB knows no escapes at all: so printable ASCII without the quote itself.
 * @throws {RangeError} for anything else.
 */
export function grubQuote(text: string): string {
  if (!/^[ -&(-~]+$/.test(text)) throw new RangeError(`not a text for GRUB: ${JSON.stringify(text)}`);
  return `'${text}'`;
}

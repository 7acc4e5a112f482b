/** EJS, with what it lets pass by default turned into errors. */
import { readFileSync } from 'node:fs';
import ejs from 'ejs';

/**
 * Renders a template file with `data` as `it`. A missing or null value throws, with the template's line.
 * @param encode what is done to text in `<%= %>`; as it is, since most of our targets are no markup
 */
export function renderTemplate(
  file: string,
  data: Readonly<Record<string, unknown>>,
  encode: (text: string) => string = (text) => text,
): string {
  return ejs.render(
    readFileSync(file, 'utf8'),
    { ...data },
    {
      filename: file,
      escape: (value?: unknown) => encode(asText(value)),
      _with: false,
      localsName: 'it',
      strict: true,
    },
  );
}

function asText(value?: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw new TypeError(`a template wants text or a number here and got ${String(value)}`);
}

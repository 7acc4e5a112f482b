/** The page: sections drawn from a view, and the document around them that needs nothing from elsewhere. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../host/package-root.ts';
import { renderTemplate } from '../../host/template.ts';
import type { PageView } from './view.ts';

/** In the order of the page; each is a template of its own, and the id of an element. */
export const SECTIONS = ['summary', 'proofs', 'timeline', 'disks', 'consoles', 'facts'] as const;
export type Section = (typeof SECTIONS)[number];

/** Style sheets, in the order in which later ones win. */
const STYLES = ['base', 'summary', 'proofs', 'timeline', 'narrow', 'print'] as const;

/** Beside this module in the sources; scripts/build.mjs puts them beside the built program. */
const TEMPLATES = import.meta.url.endsWith('.ts')
  ? join(dirname(fileURLToPath(import.meta.url)), 'page')
  : join(packageRoot(), 'lib', 'report-page');

/** Each section as HTML; empty where the run has nothing for it. `live`: in a page that changes. */
export function renderSections(view: PageView, live = false): ReadonlyMap<Section, string> {
  const draw = (name: Section): string =>
    renderTemplate(template(`${name}.ejs`), { ...view, live }, escapeHtml);
  return new Map(SECTIONS.map((name) => [name, draw(name).trim()]));
}

/** A whole document. A live one asks the address `events` beside it for what changes. */
export function renderPage(view: PageView, live = false): string {
  const style = STYLES.map((name) => asset(`${name}.css`)).join('\n');
  const script = live ? `${asset('page.js')}\n${asset('live.js')}` : asset('page.js');
  const data = {
    ...{ style, script, live },
    title: view.title,
    sections: renderSections(view, live),
    policy: contentPolicy(style, script, live),
  };
  return renderTemplate(template('page.ejs'), data, escapeHtml);
}

/** Our one style sheet, our one script and embedded pictures are used; whatever else got into the page is not. */
function contentPolicy(style: string, script: string, live: boolean): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    'img-src data:',
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

const template = (name: string): string => join(TEMPLATES, name);
const asset = (name: string): string => readFileSync(template(name), 'utf8');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Not allowed in a document, however they are written (HTML Standard, 13.1.4). */
const FORBIDDEN = /[^\P{Cc}\t\n]/gu;

/** For text between tags and in quoted attributes (HTML Standard, 13.3). */
const escapeHtml = (text: string): string =>
  text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

/** As much XML as Pacemaker's tools speak: elements with attributes. Text between elements is not kept. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
}

export const element = (
  name: string,
  attributes: Readonly<Record<string, string>>,
  children: readonly XmlElement[] = [],
): XmlElement => ({ name, attributes, children });

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const MARKUP =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[[\s\S]*?\]\]>|<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** The document's element. Throws an Error when the text is no document of one. */
export function parseXml(text: string): XmlElement {
  const top: { readonly name: string; readonly children: XmlElement[] } = { name: '', children: [] };
  const open: { name: string; attributes: Readonly<Record<string, string>>; children: XmlElement[] }[] = [];
  const inner = (): XmlElement[] => (open.at(-1) ?? top).children;
  for (const [, closing, name, words = '', empty] of text.matchAll(MARKUP)) {
    if (name === undefined) continue;
    if (closing === '/') {
      const done = open.pop();
      if (done?.name !== name) throw new Error(`</${name}> closes nothing`);
      inner().push(done);
      continue;
    }
    const started = { name, attributes: attributesOf(words), children: [] };
    if (empty === '/') inner().push(started);
    else open.push(started);
  }
  const [root, ...others] = top.children;
  if (root === undefined || others.length > 0 || open.length > 0) throw new Error('not an XML document');
  return root;
}

function attributesOf(words: string): Readonly<Record<string, string>> {
  const found = [...words.matchAll(ATTRIBUTE)];
  return Object.fromEntries(
    found.map(([, name = '', double, single]) => [name, decoded(double ?? single ?? '')]),
  );
}

const decoded = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? all;
  });

const encoded = (text: string): string =>
  text.replace(/[&<>"\n\t]/g, (c) => {
    switch (c) {
      case '&':
        return '&amp;';
      case '<':
        return '&lt;';
      case '>':
        return '&gt;';
      case '"':
        return '&quot;';
      default:
        return `&#${c.charCodeAt(0)};`;
    }
  });

/** The text of a document, indented. */
export function formatXml({ name, attributes, children }: XmlElement, indent = ''): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${encoded(value)}"`);
  const head = `${indent}<${name}${words.join('')}`;
  if (children.length === 0) return `${head}/>\n`;
  const inside = children.map((child) => formatXml(child, `${indent}  `)).join('');
  return `${head}>\n${inside}${indent}</${name}>\n`;
}

/** The first child of that name. */
export const childOf = (parent: XmlElement | undefined, name: string): XmlElement | undefined =>
  parent?.children.find((child) => child.name === name);

/** Every element of that name, at any depth, outer before inner. */
export const allOf = (root: XmlElement, name: string): readonly XmlElement[] => [
  ...(root.name === name ? [root] : []),
  ...root.children.flatMap((child) => allOf(child, name)),
];

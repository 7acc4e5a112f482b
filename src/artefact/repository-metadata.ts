/** Reads what createrepo_c writes: `repodata/primary.xml` and `filelists.xml`, whole packages at a time. */
import type { Dependency, Sense } from './rpm-dependency.ts';

export interface PackageFacts {
  /** Relative to the repository. */
  readonly file: string;
  readonly provides: readonly Dependency[];
  readonly requires: readonly Dependency[];
  /** Those that primary.xml lists: programs and what is below /etc. */
  readonly files: readonly string[];
}

/** The packages of a primary.xml, which is machine-written: one element of a kind a package, attributes in quotes. */
export function* readPrimary(xml: string): Generator<PackageFacts> {
  for (const text of elements(xml, 'package')) {
    yield {
      file: attributes(/<location ([^>]*)\/>/.exec(text)?.[1] ?? '')['href'] ?? '',
      provides: entries(text, 'provides'),
      requires: entries(text, 'requires'),
      files: filesIn(text),
    };
  }
}

/** Paths of all files of a filelists.xml that are in `wanted`. */
export function filesAmong(xml: string, wanted: ReadonlySet<string>): readonly string[] {
  return filesIn(xml).filter((path) => wanted.has(path));
}

/** Where repomd.xml says that the metadata of a type lie, relative to the repository. */
export function placeOf(repomd: string, type: 'primary' | 'filelists'): string | undefined {
  const data = [...elements(repomd, 'data')].find((text) => text.startsWith(`<data type="${type}"`));
  return data === undefined ? undefined : attributes(/<location ([^>]*)\/>/.exec(data)?.[1] ?? '')['href'];
}

function* elements(xml: string, name: string): Generator<string> {
  const end = `</${name}>`;
  for (let at = xml.indexOf(`<${name} `); at >= 0; ) {
    const stop = xml.indexOf(end, at);
    if (stop < 0) return;
    yield xml.slice(at, stop + end.length);
    at = xml.indexOf(`<${name} `, stop);
  }
}

const filesIn = (xml: string): readonly string[] =>
  [...xml.matchAll(/<file(?: [^>]*)?>([^<]*)<\/file>/g)].map((match) => plain(match[1] ?? ''));

function entries(xml: string, kind: 'provides' | 'requires'): readonly Dependency[] {
  const list = new RegExp(`<rpm:${kind}>([\\s\\S]*?)</rpm:${kind}>`).exec(xml)?.[1] ?? '';
  return [...list.matchAll(/<rpm:entry ([^>]*)\/>/g)].map((match) =>
    dependencyOf(attributes(match[1] ?? '')),
  );
}

function dependencyOf(entry: Readonly<Partial<Record<string, string>>>): Dependency {
  const sense = senseOf(entry['flags']);
  return {
    name: entry['name'] ?? '',
    ...(sense === undefined
      ? {}
      : {
          version: {
            sense,
            evr: {
              epoch: Number(entry['epoch'] ?? 0),
              version: entry['ver'] ?? '',
              release: entry['rel'] ?? '',
            },
          },
        }),
  };
}

const SENSES: readonly Sense[] = ['LT', 'LE', 'EQ', 'GE', 'GT'];

const senseOf = (flags: string | undefined): Sense | undefined => SENSES.find((sense) => sense === flags);

const attributes = (text: string): Readonly<Partial<Record<string, string>>> =>
  Object.fromEntries(
    [...text.matchAll(/([\w:-]+)="([^"]*)"/g)].map((match) => [match[1], plain(match[2] ?? '')]),
  );

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

const plain = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? whole;
  });

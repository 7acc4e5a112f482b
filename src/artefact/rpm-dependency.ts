/** What a package asks for and what others offer, by rpm's rules. */
import { compareEvr, type Evr, parseEvr } from './rpm-version.ts';

export type Sense = 'LT' | 'LE' | 'EQ' | 'GE' | 'GT';

/** A name, a file's path or, in a requirement, a rich expression, with the versions it means; without, all of them. */
export interface Dependency {
  readonly name: string;
  readonly version?: { readonly sense: Sense; readonly evr: Evr };
}

/** All that is offered, by name. A file counts as a name. */
export type Offers = ReadonlyMap<string, readonly Dependency[]>;

/** Whether anything offered meets the requirement; rich ones are worked out by their operators. */
export function isMet(requirement: Dependency, offers: Offers): boolean {
  if (requirement.name.startsWith('(')) return isTrue(parseRich(requirement.name), offers);
  return (offers.get(requirement.name) ?? []).some((offer) => overlap(offer, requirement));
}

/** As a person writes it: `foo >= 1:2.0-3`. */
export function dependencyText({ name, version }: Dependency): string {
  if (version === undefined) return name;
  const { epoch, version: v, release } = version.evr;
  return `${name} ${SIGNS[version.sense]} ${epoch > 0 ? `${epoch}:` : ''}${v}${release === '' ? '' : `-${release}`}`;
}

const SIGNS: Readonly<Record<Sense, string>> = { LT: '<', LE: '<=', EQ: '=', GE: '>=', GT: '>' };

/** Two ranges of versions share one; rpm's `rpmdsCompare`. A side without a version means all of them. */
function overlap({ version: a }: Dependency, { version: b }: Dependency): boolean {
  if (a === undefined || b === undefined) return true;
  const order = compareEvr(a.evr, b.evr);
  if (order < 0) return reachesUp(a.sense) || reachesDown(b.sense);
  if (order > 0) return reachesDown(a.sense) || reachesUp(b.sense);
  return (
    (includes(a.sense) && includes(b.sense)) ||
    (reachesDown(a.sense) && reachesDown(b.sense)) ||
    (reachesUp(a.sense) && reachesUp(b.sense))
  );
}

const reachesUp = (sense: Sense): boolean => sense === 'GT' || sense === 'GE';
const reachesDown = (sense: Sense): boolean => sense === 'LT' || sense === 'LE';
const includes = (sense: Sense): boolean => sense === 'EQ' || sense === 'GE' || sense === 'LE';

type Rich =
  | { readonly kind: 'plain'; readonly dependency: Dependency }
  | { readonly kind: 'operation'; readonly operator: string; readonly operands: readonly Rich[] };

/** rpm's boolean dependencies: `(a or b)`, `(a if b else c)`; a chain has one operator. */
function parseRich(text: string): Rich {
  const tokens = text.match(/\(|\)|(?:[^\s()]|\([^\s()]*\))+/g) ?? [];
  let at = 0;
  const expression = (): Rich => {
    if (tokens[at] !== '(') return plain();
    at += 1;
    const operands = [expression()];
    let operator = 'and';
    while (at < tokens.length && tokens[at] !== ')') {
      const word = tokens[at] ?? '';
      at += 1;
      if (word !== 'else') operator = word;
      operands.push(expression());
    }
    at += 1;
    return { kind: 'operation', operator, operands };
  };
  const plain = (): Rich => {
    const name = tokens[at] ?? '';
    const sense = SENSES[tokens[at + 1] ?? ''];
    at += sense === undefined ? 1 : 3;
    const version = sense === undefined ? {} : { version: { sense, evr: parseEvr(tokens[at - 1] ?? '') } };
    return { kind: 'plain', dependency: { name, ...version } };
  };
  return expression();
}

const SENSES: Readonly<Partial<Record<string, Sense>>> = {
  '<': 'LT',
  '<=': 'LE',
  '=': 'EQ',
  '>=': 'GE',
  '>': 'GT',
};

/** `with` and `without` speak of one package and are taken as `and`, `and not`: whoever offers both is not told apart. */
function isTrue(rich: Rich, offers: Offers): boolean {
  if (rich.kind === 'plain') return isMet(rich.dependency, offers);
  const [first = false, second = false, otherwise] = rich.operands.map((each) => isTrue(each, offers));
  switch (rich.operator) {
    case 'or':
      return rich.operands.some((each) => isTrue(each, offers));
    case 'if':
      return second ? first : (otherwise ?? true);
    case 'unless':
      return second ? (otherwise ?? true) : first;
    case 'without':
      return first && !second;
    default:
      return rich.operands.every((each) => isTrue(each, offers));
  }
}

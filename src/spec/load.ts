/** From a spec file to a checked spec, or to everything that is wrong with it. */
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { isNode, isScalar, visit } from 'yaml';
import { fileProblem, InputError, type Problem } from '../errors/problem.ts';
import { findMediaFiles, type MediaFiles, NO_MEDIA_FILES } from './media-files.ts';
import { checkRules } from './rules.ts';
import { ClusterSchema, type ClusterSpec } from './schema.ts';
import { readSteps, type UserStep } from './steps.ts';
import { applySchema, inOrder, parseYaml, problemOf, type YamlFile } from './yaml-file.ts';

export interface LoadedSpec {
  readonly spec: ClusterSpec;
  /** As it was given. */
  readonly file: string;
  /** The YAML text. */
  readonly source: string;
  /** The user's own steps, in the order of their names. */
  readonly steps: readonly UserStep[];
  /** The user's own packages and files, all of them there. */
  readonly media: MediaFiles;
  /** Problems that do not stop a build. */
  readonly warnings: readonly Problem[];
}

/**
 * Reads and checks a spec: YAML, schema, rules, and the files it names.
 * Rejects with {@link InputError}, which holds all problems in the order of the file.
 */
export async function loadSpec(file: string): Promise<LoadedSpec> {
  const source = await readText(file);
  const { yaml, spec, problems } = checkSpecText(source, file);
  const folder = spec?.steps === undefined ? { steps: [], problems: [] } : await checkSteps(yaml, spec.steps);
  const { media, findings } =
    spec === undefined ? { media: NO_MEDIA_FILES, findings: [] } : await findMediaFiles(spec, file);
  const missing = findings.map((finding) => problemOf(yaml, finding));
  const all = [...inOrder([...problems, ...missing]), ...folder.problems];
  if (spec === undefined || all.some(({ severity }) => severity === 'error')) {
    throw new InputError(all, new Map([[file, hideSecrets(yaml)], ...(folder.sources ?? [])]));
  }
  return { spec, file, source, steps: folder.steps, media, warnings: all };
}

export interface CheckedText {
  readonly yaml: YamlFile;
  /** Undefined when the text does not even have the shape of a spec. */
  readonly spec: ClusterSpec | undefined;
  readonly problems: readonly Problem[];
}

/** The part of {@link loadSpec} that needs no file system. */
export function checkSpecText(text: string, file: string): CheckedText {
  const yaml = parseYaml(text, file);
  if (yaml.value === undefined) return { yaml, spec: undefined, problems: yaml.problems };
  if (yaml.value === null) {
    const empty = fileProblem(
      file,
      'empty-spec',
      'the spec is empty',
      '`slipway init` writes a commented one',
    );
    return { yaml, spec: undefined, problems: [empty] };
  }
  const checked = applySchema(ClusterSchema, yaml.value);
  const findings = checked.ok ? [...checked.findings, ...checkRules(checked.data)] : checked.findings;
  return {
    yaml,
    spec: checked.ok ? checked.data : undefined,
    problems: [...yaml.problems, ...findings.map((finding) => problemOf(yaml, finding))],
  };
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw new InputError([unreadable(file, error)]);
  }
}

function unreadable(file: string, error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT')
    return fileProblem(
      file,
      'no-such-file',
      'there is no such file',
      '`slipway init` writes a commented cluster.yaml',
    );
  if (code === 'EISDIR')
    return fileProblem(file, 'no-such-file', 'this is a folder', 'name the spec file in it');
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return fileProblem(file, 'not-utf-8', 'the file is not UTF-8 text');
  if (code === undefined) throw error;
  return fileProblem(file, 'unreadable-file', error instanceof Error ? error.message : String(error));
}

interface CheckedSteps {
  readonly steps: readonly UserStep[];
  readonly problems: readonly Problem[];
  readonly sources?: ReadonlyMap<string, string>;
}

async function checkSteps(yaml: YamlFile, folder: string): Promise<CheckedSteps> {
  const dir = isAbsolute(folder) ? folder : join(dirname(yaml.file), folder);
  try {
    return await readSteps(dir);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))))
      throw error;
    const message = `there is no folder '${folder}' beside the spec`;
    const hint = 'create it, or remove the key';
    return {
      steps: [],
      problems: [problemOf(yaml, { path: ['steps'], rule: 'missing-steps', message, hint })],
    };
  }
}

/** Keys whose value may be a secret that was written where it must not stand. */
const SECRET = /passw(?:or)?d/i;
/** The same where no parser finds a key: to the end of the line, or of the line below the header of a block. */
const UNPARSED = /(passw(?:or)?d\w*["']?[ \t]*[:=]?[ \t]*)((?:[|>][-+\d]*[ \t]*\r?\n)?[^\r\n]+)/gi;

/** The source as the caret lines show it: problems end up in logs, so what may be a password is starred. */
function hideSecrets({ source }: YamlFile): string {
  let text = source.text.replace(UNPARSED, (_, key: string, value: string) => key + starred(value));
  visit(source.document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !SECRET.test(String(key.value)) || !isNode(value) || !value.range) return;
      const [start, end] = value.range;
      const lineEnd = text.indexOf('\n', end - 1);
      const last = lineEnd < 0 ? text.length : lineEnd;
      text = text.slice(0, start) + starred(text.slice(start, last)) + text.slice(last);
    },
  });
  return text;
}

/** Of the same length, so that carets stay where they are. */
const starred = (text: string): string => text.replace(/[^\r\n]/g, '*');

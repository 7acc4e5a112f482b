/** From a node's plan to the text of its kickstart. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ejs from 'ejs';
import { InputError } from '../errors/problem.ts';
import type { NodePlan, Plan } from '../plan/types.ts';
import { escapeValue, UnsafeValueError } from './render-values.ts';
import { type KickstartView, kickstartView, type MediumPaths } from './render-view.ts';

export interface RenderOptions {
  /** The folder of the templates, absolute. */
  readonly templates: string;
  /** Where things lie on the medium the kickstart is for. */
  readonly medium: MediumPaths;
  /** The repository on the medium is signed, and its key lies there. */
  readonly signed?: boolean;
  /** Packages of the node's role, under the names of the plan's release; what an image holds is not asked for. */
  readonly rolePackages?: readonly string[];
}

/**
 * Renders one node's kickstart for the plan's release. The same plan gives the same text; only templates are read.
 *
 * @throws {InputError} naming the template and its line when a value is missing or could be read as more than a value.
 */
export function renderKickstart(node: NodePlan, plan: Plan, options: RenderOptions): string {
  return renderTemplate(
    join(options.templates, 'kickstart.ejs'),
    kickstartView(node, plan, options),
    options.templates,
  );
}

/** Renders a template file; the partials it includes lie in `templates`. */
export function renderTemplate(file: string, view: KickstartView, templates: string): string {
  // EJS passes the file name through `escape` too when it reports an error.
  const names = new Set([file, ...readdirSync(templates).map((name) => join(templates, name))]);
  try {
    return ejs.render(readFileSync(file, 'utf8'), view, {
      filename: file,
      views: [templates],
      _with: false,
      localsName: 'it',
      escape: (value?: unknown) =>
        typeof value === 'string' && names.has(value) ? value : escapeValue(value),
    });
  } catch (error) {
    throw error instanceof UnsafeValueError ? located(error) : error;
  }
}

/**
 * EJS puts `file:line` and the lines around it before the message, once for every template on the way in; the last
 * one is where the value stands.
 */
function located(error: UnsafeValueError): Error {
  const place = [...error.message.matchAll(/^(.+):(\d+)\n(?: {4}| >> )\d+\| /gm)].at(-1);
  const [, path, line] = place ?? [];
  if (path === undefined || line === undefined) return error;
  const file = join('kickstart', basename(path));
  const message = error.message.split('\n\n').at(-1) ?? error.message;
  const problem = {
    file,
    line: Number(line),
    column: 1,
    severity: 'error',
    rule: 'unsafe-value',
    message,
    hint: 'correct the value in the spec that this line prints',
  } as const;
  return new InputError([problem], new Map([[file, readFileSync(path, 'utf8')]]));
}

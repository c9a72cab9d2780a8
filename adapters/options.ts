import { z } from 'zod';
import { SessionError } from '../machines/errors.js';

/** Milliseconds, counts and bytes: what an option may be, in the words of an error message. */
export const amount = z.number({ error: 'expected a number of at least 0' }).min(0, { error: 'expected a number of at least 0' });
export const count = z
  .int({ error: 'expected a whole number of at least 0' })
  .min(0, { error: 'expected a whole number of at least 0' });
export const flag = z.boolean({ error: 'expected true or false' });
export const callable = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', {
  error: 'expected a function',
});

/** Throws `SessionError('bad-option')` naming the option, what was expected and what was given; all of them, if several are wrong. */
export function checkOptions(name: string, schema: z.ZodType, options: unknown): void {
  const result = schema.safeParse(options, { reportInput: true });
  if (result.success) return;
  throw new SessionError('bad-option', result.error.issues.map((issue) => sentence(name, issue)).join('; '));
}

function sentence(name: string, issue: z.core.$ZodIssue): string {
  const path = [name, ...issue.path.map(String)].join('.');
  if (issue.code === 'unrecognized_keys') return `${path}: there is no option ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  return `${path}: ${issue.message}, got ${shown(issue.input)}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

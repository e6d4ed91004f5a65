// Names inside components. jco writes them into JavaScript, some of them as they are, so what is not of
// these forms never reaches it.

import { showText } from './names.ts';
import { WarderError } from '../base/errors/errors.ts';

/** Names of core modules and instances: anything linkers write, nothing that ends a string or a line. */
const CORE_NAME = /^[A-Za-z0-9_$.:@/#|[\]+-]{0,256}$/;
/** Words joined by hyphens: parameters, fields, cases, flags. */
const LABEL = /^[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*$/;
/** `name`, `package:name/interface@version`, `[method]type.name` and the like. */
const EXTERN_NAME =
  /^(?:\[[a-z]{1,16}(?:-[a-z]{1,16}){0,2}\])?[A-Za-z0-9][A-Za-z0-9:/@.+-]{0,159}$/;

/** @throws WarderError `not-admitted` */
export function checkCoreName(name: string): string {
  if (!CORE_NAME.test(name) || name === '__proto__') throw refusedName(name);
  return name;
}

/** @throws WarderError `not-admitted` */
export function checkLabel(name: string): string {
  if (!LABEL.test(name) || name.length > 128) throw refusedName(name);
  return name;
}

/** @throws WarderError `not-admitted` */
export function checkExternName(name: string): string {
  if (!EXTERN_NAME.test(name)) throw refusedName(name);
  return name;
}

/** The refusal of a name that is no part of any proper package. */
export function refusedName(name: string): WarderError {
  return new WarderError(
    'not-admitted',
    `it has the name \`${showText(name, 80)}\`, which is not allowed`,
    { hint: 'use names of letters, digits, `_`, `-` and `.`' },
  );
}

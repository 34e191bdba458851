// A key of a section: what may stand there, its default, its other spellings, one sentence about it.
// The field reads a value; the section adds key and place (section.ts).
import { MIB, type SizeUnit, parseSize } from "../units.ts";
import { trimBlanks } from "./blanks.ts";

/** What a field makes of a text. `caution` is for the operator: the value is taken, but not as it is written. */
export type Reading<T> = { readonly value: T; readonly caution?: string } | { readonly wrong: true };

export interface Field<out T> {
  readonly kind: "int" | "decimal" | "text" | "choice" | "size" | "pairs";
  /** One sentence for the manual. */
  readonly doc: string;
  /** What may stand there, so that "must be …" can be put before it: `an integer, 1..1200 s`. */
  readonly says: string;
  readonly unit?: string;
  readonly required: boolean;
  /** The value where the key is absent; means nothing where `required`. */
  readonly fallback?: T | undefined;
  /** Spellings that older files use; read with a warning. */
  readonly aliases: readonly string[];
  /** Spellings as good as the key itself; read without a word. */
  readonly synonyms: readonly string[];
  readonly choices?: readonly string[];
  read(text: string): Reading<T>;
}

/** What every constructor takes. A key is required unless a `fallback` is given, be it `undefined`. */
export interface Options<T> {
  readonly doc: string;
  readonly says?: string;
  readonly unit?: string;
  readonly fallback?: T | undefined;
  readonly aliases?: readonly string[];
  readonly synonyms?: readonly string[];
}

/** A field whose fallback is `undefined` may be absent in the values. */
export type Absent<O> = O extends { readonly fallback: undefined } ? undefined : never;

/** A field made of the parts that differ; the constructors below are the usual ones. */
export function field<T, const O extends Options<T>>(kind: Field<T>["kind"], options: O, part: Part<T>): Field<T | Absent<O>> {
  return {
    kind,
    doc: options.doc,
    says: options.says ?? part.says,
    ...(options.unit === undefined ? {} : { unit: options.unit }),
    ...(part.choices === undefined ? {} : { choices: part.choices }),
    required: !("fallback" in options),
    fallback: options.fallback,
    aliases: options.aliases ?? [],
    synonyms: options.synonyms ?? [],
    read: part.read,
  };
}

/** What makes one kind of field different from another. */
export interface Part<T> {
  readonly says: string;
  readonly choices?: readonly string[];
  read(text: string): Reading<T>;
}

const WRONG = { wrong: true } as const;

export interface IntOptions extends Options<number> {
  /** Numbers out of range are taken as this one, with a caution, instead of being wrong. */
  readonly outsideMeans?: number;
}

/** An integer in decimal, exact: nothing is cut to 32 bits, and a sign or leading zeros are as good as in the original. */
export function int<const O extends IntOptions>(min: number, max: number, options: O): Field<number | Absent<O>> {
  const unit = options.unit === undefined ? "" : ` ${options.unit}`;
  const range = max === Number.MAX_SAFE_INTEGER ? `${min}${unit} or more` : `${min}..${max}${unit}`;
  const says = `an integer, ${range}`;
  const read = (raw: string): Reading<number> => {
    const digits = trimBlanks(raw);
    if (!/^[+-]?\d+$/.test(digits)) return WRONG;
    // A number beyond 2^53 loses digits here, but never so many that it would fall into a range of safe integers.
    const value = Number(digits) + 0;
    if (value >= min && value <= max) return { value };
    if (options.outsideMeans === undefined) return WRONG;
    return { value: options.outsideMeans, caution: `is taken as ${options.outsideMeans}; it should be ${options.says ?? says}` };
  };
  return field("int", options, { says, read });
}

/** A number with a decimal point or an exponent, finite. */
export function decimal<const O extends Options<number>>(min: number, max: number, options: O): Field<number | Absent<O>> {
  const unit = options.unit === undefined ? "" : ` ${options.unit}`;
  return field("decimal", options, {
    says: `a number, ${min}..${max}${unit}`,
    read(raw) {
      const digits = trimBlanks(raw);
      const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits) ? Number(digits) : Number.NaN;
      return value >= min && value <= max ? { value } : WRONG;
    },
  });
}

/** A part of something in per cent, with or without its sign: `0.2%` is 0.002. */
export function percent<const O extends Options<number>>(min: number, max: number, options: O): Field<number | Absent<O>> {
  return field("decimal", options, {
    says: `a percentage, ${min}..${max} %`,
    read(raw) {
      const match = /^(\d{1,3}(?:\.\d{1,6})?)\s*%?$/.exec(trimBlanks(raw)), value = match ? Number(match[1]) : Number.NaN;
      return value >= min && value <= max ? { value: value / 100 } : WRONG;
    },
  });
}

export interface TextOptions extends Options<string> {
  readonly maxBytes: number;
  /** The whole text must match. */
  readonly pattern?: RegExp;
  /** The pattern in words: `of letters and digits`. */
  readonly characters?: string;
  /** What an operator should know of a text that is allowed. */
  caution?(text: string): string | undefined;
}

// A control character or line end of any kind in a name would forge lines of logs and tables.
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** At least one byte of text, without control characters; blanks around it, which nobody sees, do not belong to it. */
export function text<const O extends TextOptions>(options: O): Field<string | Absent<O>> {
  const { maxBytes, pattern, characters } = options;
  return field("text", options, {
    says: `1..${maxBytes} bytes ${characters ?? "of text"}`,
    read(raw) {
      const value = trimBlanks(raw);
      const bytes = Buffer.byteLength(value);
      if (bytes < 1 || bytes > maxBytes || control.test(value) || pattern?.test(value) === false) return WRONG;
      const caution = options.caution?.(value);
      return caution === undefined ? { value } : { value, caution };
    },
  });
}

/** One of a few words, exactly. */
export function choice<const C extends string, const O extends Options<C>>(words: readonly C[], options: O): Field<C | Absent<O>> {
  return field<C, O>("choice", options, {
    says: words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    choices: words,
    read(raw) {
      const word = trimBlanks(raw);
      const value = words.find((known) => known === word);
      return value === undefined ? WRONG : { value };
    },
  });
}

/** `yes` or `no`, as a truth value. */
export function yesNo<const O extends Options<boolean>>(options: O): Field<boolean | Absent<O>> {
  return field("choice", options, {
    says: "yes or no",
    choices: ["yes", "no"],
    read(raw) {
      const word = trimBlanks(raw);
      return word === "yes" || word === "no" ? { value: word === "yes" } : WRONG;
    },
  });
}

export interface SizeOptions extends Options<number> {
  /** The units that may stand behind the number; all by default, and none at all means bytes. */
  readonly units?: readonly SizeUnit[];
  /** A unit must be written. A bare unit and zero then mean "not set", as the original reads `g` and `0g`. */
  readonly unitRequired?: true;
  readonly maxTextBytes?: number;
  /** In bytes; less is wrong. */
  readonly least?: number;
}

/** A size, in bytes. */
export function size<const O extends SizeOptions>(options: O): Field<number | Absent<O>> {
  const units = options.units ?? ["k", "m", "g", "t"];
  const spelled = units.flatMap((unit) => [unit, unit.toUpperCase()]).join(", ");
  const longest = options.maxTextBytes ?? 16;
  const needsUnit = options.unitRequired === true, { least = 0 } = options;
  const bare = `a number of bytes, or a number and one of ${spelled}${least > 0 ? `; at least ${least / MIB}M` : ""}`;
  return field("size", options, {
    says: needsUnit ? `digits and one of ${spelled}; at most ${longest} bytes` : bare,
    read(raw) {
      const written = trimBlanks(raw);
      if (written.length > longest) return WRONG;
      if (needsUnit && /^0*[a-z]$/i.test(written) && units.some((unit) => written.toLowerCase().endsWith(unit))) {
        return { value: options.fallback as number };
      }
      // The original takes nine digits; more than 8 PiB is more than there is, whatever it says.
      const beyond = needsUnit && /^\d{8,}[a-z]$/i.test(written) && units.includes(written.slice(-1).toLowerCase() as SizeUnit);
      const value = parseSize(written, units, !needsUnit) ?? (beyond ? Number.MAX_SAFE_INTEGER : undefined);
      return value === undefined || value < least ? WRONG : { value };
    },
  });
}

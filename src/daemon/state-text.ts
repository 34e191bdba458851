// The text of the state file, both ways: JSON whose first line says how the rest must look. One section a line, for people and for grep.
//
//   {"etmem_state":1,"bytes":260,"sha256":"…","projects":[
//   {"name":"test","started":true,"sections":[
//   {"kind":"project","names":["test"],"file":"/etc/etmem/slide.conf","line":1,"keys":[[2,"name","test"],[3,"loop","1"]]}]}
//   ]}
import type { Stored, StoredKey, StoredProject, StoredSection } from "./state-objects.ts";

/** Raised when an older etmem would misread what is written; an older one refuses what is newer than itself. */
const STATE_VERSION = 2;

/** 1 until there is what an older etmem would misread: a paused project as a started one, one of the configuration directory as added by hand. */
function versionOf(stored: Stored): number {
  return [...stored.values()].some(({ paused, sections }) => paused || sections.some(({ declared }) => declared)) ? 2 : 1;
}

/** The file for this state. */
export function formatState(stored: Stored): Uint8Array {
  const projects = [...stored].flatMap(([name, project], index) => [index === 0 ? "" : ",\n", formatProject(name, project)]);
  const body = Buffer.concat([...projects, "\n]}\n"].map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  const head = `{"etmem_state":${versionOf(stored)},"bytes":${body.length},"sha256":"${sum(body)}","projects":[\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** The state, or what is wrong with the file, to be read behind its name: `is cut short: 10 of 260 bytes are there`. */
export function parseState(bytes: Uint8Array): { readonly stored: Stored } | { readonly damage: string } {
  const text = new TextDecoder().decode(bytes);
  const end = bytes.indexOf(0x0a);
  const [, version, length, sha256] = HEAD.exec(end < 0 ? text : text.slice(0, end)) ?? [];
  // What a newer version has changed may be the head itself.
  const claimed = Number(version ?? /^\s*\{\s*"etmem_state"\s*:\s*(\d+)/.exec(text)?.[1]);
  if (claimed > STATE_VERSION) return { damage: `was written by a newer etmem: its version is ${claimed}, this one reads ${STATE_VERSION}` };
  if (length === undefined) return { damage: bytes.length === 0 ? "is empty" : headDamage(text) };
  const body = bytes.subarray(end + 1);
  const missing = Number(length) - (end < 0 ? 0 : body.length);
  if (missing > 0) return { damage: `is cut short: ${missing} bytes are missing` };
  if (missing < 0) return { damage: `is longer than it was written, by ${-missing} bytes` };
  if (sum(body) !== sha256) return { damage: "does not fit its checksum: somebody or something changed it" };
  const projects = (parsed(text) as { projects?: unknown } | undefined)?.projects;
  if (projects === undefined) return { damage: "is not JSON" };
  if (claimed < 1 || !Array.isArray(projects) || !projects.every(isProject)) return { damage: "is JSON, but no state of etmem" };
  return { stored: new Map(projects.map(({ name, ...project }) => [name, project])) };
}

const HEAD = /^\{"etmem_state":(\d+),"bytes":(\d+),"sha256":"([0-9a-f]{64})","projects":\[$/;

// A change is to one project, and the others are the same objects as before: for 1,000 of 10 tasks this takes 5 ms instead of 18.
const formatted = new WeakMap<StoredProject, Uint8Array>();

function formatProject(name: string, project: StoredProject): Uint8Array {
  const known = formatted.get(project);
  if (known !== undefined) return known;
  const lines = project.sections.map(({ aside: _, ...section }) => JSON.stringify(section));
  const state = `"started":${project.started}${project.paused ? ',"paused":true' : ""}${project.byHand ? ',"byHand":true' : ""}`;
  const bytes = Buffer.from(`{"name":${JSON.stringify(name)},${state},"sections":[\n${lines.join(",\n")}]}`);
  formatted.set(project, bytes);
  return bytes;
}

function headDamage(text: string): string {
  return parsed(text) === undefined ? "is not JSON, or is cut short in its first line" : "is JSON, but no state of etmem";
}

function sum(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Unknown<T> = { readonly [K in keyof T]?: unknown };

function isProject(value: unknown): value is StoredProject & { readonly name: string } {
  const { name, started, paused, byHand, sections } = (value ?? {}) as Unknown<StoredProject & { name: string }>;
  return typeof name === "string" && typeof started === "boolean" && isFlag(paused) && isFlag(byHand) && Array.isArray(sections)
    && sections.every((section) => isSection(section) && section.names[0] === name);
}

const NAMES = { project: 1, engine: 2, task: 3 } as const;

function isSection(value: unknown): value is StoredSection {
  const { kind, names, file, line, keys, declared } = (value ?? {}) as Unknown<StoredSection>;
  return typeof kind === "string" && Array.isArray(names) && names.length === NAMES[kind as keyof typeof NAMES] && names.every(isText)
    && isFlag(declared) && isText(file) && typeof line === "number" && Array.isArray(keys) && keys.every(isKey);
}

function isKey(value: unknown): value is StoredKey {
  if (!Array.isArray(value)) return false;
  const [line, key, text, written, fault] = value as unknown[];
  return typeof line === "number" && isText(key) && isText(text) && (written === undefined || written === null || isText(written))
    && (fault === undefined || isText(fault));
}

function isFlag(value: unknown): value is true | undefined {
  return value === undefined || value === true;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

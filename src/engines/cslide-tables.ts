// What showtaskpages and showhostpages print: the original's tables, byte for byte.

import type { PagesSeen } from "./engine.ts";

/** Of one task. */
export function taskPagesTable({ task, when, uses }: PagesSeen): string {
  const rows = uses.map(({ node, usedBytes, hotBytes, coldBytes }) => row(node, usedBytes, hotBytes, coldBytes));
  return [`[${asctime(when)}] task ${task} pages info (KB):\n`, cells("node", "used", "hot", "cold"), ...rows].join("");
}

/** Of all tasks of an engine. */
export function hostPagesTable({ when, uses }: PagesSeen): string {
  const rows = uses.map(({ node, totalBytes, usedBytes, hotBytes, coldBytes }) => row(node, totalBytes, usedBytes, hotBytes, coldBytes));
  return [`[${asctime(when)}] host pages info (KB):\n`, cells("node", "total", "used", "hot", "cold"), ...rows].join("");
}

/** Local time as asctime(3) has it in the C locale, without its newline: "Sun Nov 22 18:09:51 2026", "Sun Nov  1 …". */
export function asctime(when: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
  return `${DAYS[when.getDay()]} ${MONTHS[when.getMonth()]} ${String(when.getDate()).padStart(2)} ${time} ${when.getFullYear()}`;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

function row(node: number, ...bytes: readonly number[]): string {
  return cells(String(node), ...bytes.map((value) => String(Math.round(value / 1024))));
}

/** printf's "%5s %10s %10s\n": a value that is wider is not cut. */
function cells(first: string, ...rest: readonly string[]): string {
  return `${[first.padStart(5), ...rest.map((cell) => cell.padStart(10))].join(" ")}\n`;
}
